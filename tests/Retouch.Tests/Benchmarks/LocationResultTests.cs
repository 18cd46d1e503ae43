using System.Xml.Linq;
using Retouch.Benchmarks;
using Retouch.Vit;

namespace Retouch.Tests.Benchmarks;

public sealed class LocationResultTests
{
    static BenchRow Row(string layers, string blocks, string rate, double? gr, double? lr) =>
        BenchSamples.Row(0, "a", true, gr, lr) with
        {
            Settings = new SortedDictionary<string, string>
            {
                ["layers"] = layers,
                ["blocks"] = blocks,
                ["lr"] = rate,
                ["steps"] = "100",
            },
        };

    // Hypervolumes: FFN 0-2 0.5·0.9 + 0.1·0.5 = 0.5; FFN 1-3 0.6·0.8 + 0.1·0.7 = 0.55; MSA 0-2 0.7·0.9 + … = 0.63.
    static IReadOnlyList<BenchRow> Rows() =>
        [
            Row("ffn", "0-2", "2E-05", 0.5, 0.9),
            Row("ffn", "0-2", "5E-05", 0.6, 0.5),
            Row("msa", "0-2", "2E-05", 0.7, 0.9),
            Row("msa", "0-2", "5E-05", 0.6, 0.85),
            Row("ffn", "1-3", "2E-05", 0.6, 0.8),
            Row("ffn", "1-3", "5E-05", 0.7, 0.7),
        ];

    [Fact]
    public void The_window_that_dominates_the_largest_area_is_best_and_of_the_FFNs_recommended()
    {
        LocationResult result = LocationResult.Of(Rows());
        Assert.Equal(["FFN 0-2", "FFN 1-3", "MSA 0-2"], result.Windows.Select(w => w.Window.Name));
        Assert.Equal([0.5, 0.55, 0.63], result.Windows.Select(w => Math.Round(w.Hypervolume, 12)));
        Assert.Equal(
            (new EditWindow(EditLayers.Msa, 0, 3), new EditWindow(EditLayers.Ffn, 1, 3)),
            (result.Best, result.Recommended)
        );
        Assert.Equal(
            ["MSA 0-2 2E-05"],
            result.Windows.SelectMany(w =>
                w.Points.Where(p => p.OnFront).Select(p => $"{w.Window.Name} {p.Settings["lr"]}")
            )
        );

        string[] csv = result.Csv().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(7, csv.Length);
        Assert.All(csv, line => Assert.Equal(csv[0].Count(c => c == ','), line.Count(c => c == ',')));
        Assert.StartsWith("ffn,1,3,2E-05,1,1,1,0.6,", csv[3], StringComparison.Ordinal);
        Assert.EndsWith(",1", csv[3], StringComparison.Ordinal);
        Assert.EndsWith(",0", csv[1], StringComparison.Ordinal);
        string svg = result.Figure().ToSvg();
        Assert.Equal("svg", XDocument.Parse(svg).Root!.Name.LocalName);
        foreach (
            string text in (string[])["Feed-forward", "Attention", "blocks 0-2", "blocks 1-3", "front of all windows"]
        )
            Assert.Contains(text, svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_say_nothing_of_a_location_are_refused()
    {
        Assert.Throws<BadInputException>(() => LocationResult.Of([BenchSamples.Row(0, "a", true, 0.5, 0.9)]));
        Assert.Throws<BadInputException>(() => LocationResult.Of([Row("ffn", "0-2", "1", 0.5, null)]));
        Assert.Throws<BadInputException>(() => LocationResult.Of([Row("ffn", "0-2", "1", null, 0.5)]));
        Assert.Throws<BadInputException>(() => LocationResult.Of([Row("ffn", "2-0", "1", 0.5, 0.5)]));
        Assert.Throws<BadInputException>(() => LocationResult.Of([Row("msa", "0-2", "1", 0.5, 0.5)]));
    }

    [Fact]
    public void Every_window_of_both_kinds_is_searched_in_the_order_of_the_cuts()
    {
        using VitModel model = TinyVit.Create(depth: 5);
        Assert.Equal(
            ["MSA 0-2", "FFN 0-2", "MSA 1-3", "FFN 1-3", "MSA 2-4", "FFN 2-4"],
            EditWindow.All(model.Config, 3).Select(w => w.Name)
        );
        Assert.Throws<BadInputException>(() => EditWindow.All(model.Config, 6));
    }
}
