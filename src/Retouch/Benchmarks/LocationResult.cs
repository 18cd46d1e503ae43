using System.Globalization;
using System.Text;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Plots;

namespace Retouch.Benchmarks;

/// <summary>
/// The windows of a model against each other: its counterpart of figure 2 of "Learning Where to Edit Vision
/// Transformers" (NeurIPS 2024). Immutable.
/// </summary>
public sealed record LocationResult
{
    /// <summary>How the recommendation is made, a sentence.</summary>
    public const string Rule =
        "of the FFN windows, the one whose points dominate the largest area in GR and LR (hypervolume above GR 0 and "
        + "LR 0), the earlier of equals";

    /// <summary>Every window, by kind and first block.</summary>
    public required IReadOnlyList<WindowScore> Windows { get; init; }

    /// <summary>The window of either kind with the largest hypervolume.</summary>
    public required EditWindow Best { get; init; }

    /// <summary>
    /// The window to edit, by <see cref="Rule"/>: editing and its locators know hidden units, which FFNs alone have.
    /// </summary>
    public required EditWindow Recommended { get; init; }

    /// <summary>Scores windows by their rows.</summary>
    /// <param name="rows">The rows of a search, complete.</param>
    /// <exception cref="BadInputException">A row is not one of a search, or was measured without GR or LR.</exception>
    public static LocationResult Of(IReadOnlyList<BenchRow> rows)
    {
        WindowScore[] windows =
        [
            .. SettingSummary
                .Of(rows)
                .GroupBy(s => Window(s.Settings))
                .OrderBy(g => g.Key.Layers)
                .ThenBy(g => g.Key.FirstBlock)
                .Select(g => new WindowScore(
                    g.Key,
                    ParetoFront.Hypervolume([
                        .. g.Select(s =>
                            s.Point()
                            ?? throw BadInput.OutOfRange(
                                null,
                                "A location is searched by GR and LR, but rows lack one of them; the benchmark needs "
                                    + "groups of at least two images and locality images."
                            )
                        ),
                    ]),
                    [.. g]
                )),
        ];
        if (!windows.Any(w => w.Window.Layers == EditLayers.Ffn))
            throw BadInput.Missing(null, "There are no rows of FFN windows.");
        return new LocationResult
        {
            Windows = windows,
            Best = windows.MaxBy(w => w.Hypervolume)!.Window,
            Recommended = windows.Where(w => w.Window.Layers == EditLayers.Ffn).MaxBy(w => w.Hypervolume)!.Window,
        };
    }

    /// <summary>The points as a table with a header line.</summary>
    public string Csv()
    {
        bool near = Windows.Any(w => w.Points.Any(p => p.NegativeFlips is not null));
        CsvText csv = new([
            "layers",
            "first_block",
            "last_block",
            "learning_rate",
            "edits",
            "groups",
            "success",
            "generalization",
            "generalization_low",
            "generalization_high",
            "locality",
            "locality_low",
            "locality_high",
            "sensitive_locality",
            "steps",
            "on_front",
            "hypervolume",
            "recommended",
            .. near ? (string[])["negative_flips", "negative_flips_low", "negative_flips_high", "net_gain"] : [],
        ]);
        foreach ((WindowScore score, SettingSummary s) in Windows.SelectMany(w => w.Points.Select(p => (w, p))))
        {
            EditWindow w = score.Window;
            csv.Add([
                w.Layers == EditLayers.Ffn ? "ffn" : "msa",
                w.FirstBlock,
                w.FirstBlock + w.Blocks - 1,
                s.Settings[LocationSearch.RateKey],
                s.Edits,
                s.Groups,
                s.Success.Mean,
                s.Generalization?.Mean,
                s.Generalization?.Low,
                s.Generalization?.High,
                s.Locality?.Mean,
                s.Locality?.Low,
                s.Locality?.High,
                s.SensitiveLocality?.Mean,
                s.Steps,
                s.OnFront ? 1 : 0,
                score.Hypervolume,
                w == Recommended ? 1 : 0,
                .. near
                    ? (object?[])[s.NegativeFlips?.Mean, s.NegativeFlips?.Low, s.NegativeFlips?.High, s.NetGain]
                    : [],
            ]);
        }
        return csv.ToString();
    }

    /// <summary>GR against LR, a line a window and a panel a kind, with the front of all.</summary>
    public SvgPlot Figure()
    {
        SettingSummary[] all = [.. Windows.SelectMany(w => w.Points)];
        OperatingPoint[] points = [.. all.Select(s => s.Point()!.Value)];
        PlotAxis gr = Axis("GR, the group's other images corrected", p => p.Generalization);
        PlotAxis lr = Axis("LR, photos that keep their class", p => p.Locality);
        PlotSeries front = new(
            "front of all windows",
            [.. ParetoFront.Of(points).Select(i => new PlotPoint(points[i].Generalization, points[i].Locality))]
        )
        {
            Line = LineShape.StepVerticalFirst,
            Muted = true,
        };
        return new SvgPlot(
            $"Where to edit: windows of {Recommended.Blocks} blocks",
            [Panel(EditLayers.Ffn, "Feed-forward networks (FFN)"), Panel(EditLayers.Msa, "Attention (MSA)")]
        )
        {
            SharedLegend = true,
        };

        XyPanel Panel(EditLayers layers, string title) =>
            new(
                title,
                gr,
                lr,
                [
                    front,
                    .. Windows
                        .Where(w => w.Window.Layers == layers)
                        .Select(w => new PlotSeries(
                            $"blocks {w.Window.BlockRange}",
                            [
                                .. w
                                    .Points.Select(s => s.Point()!.Value)
                                    .OrderBy(p => p.Generalization)
                                    .Select(p => new PlotPoint(p.Generalization, p.Locality)),
                            ]
                        )
                        {
                            Markers = true,
                            Width = w.Window == Recommended ? 4 : 2,
                        }),
                ]
            );

        // One range for both panels, with some room.
        PlotAxis Axis(string label, Func<OperatingPoint, double> of)
        {
            double low = points.Min(of);
            double high = points.Max(of);
            double room = Math.Max((high - low) * 0.06, 0.005);
            return new PlotAxis(label)
            {
                Percent = true,
                Min = Math.Max(low - room, 0),
                Max = Math.Min(high + room, 1),
            };
        }
    }

    /// <summary>Writes <c>windows.csv</c>, <c>windows.svg</c> into a folder, each atomically.</summary>
    /// <exception cref="BadInputException">A file cannot be written.</exception>
    /// <returns>The paths.</returns>
    public (string Csv, string Svg) Write(string folder)
    {
        string csv = Path.Combine(folder, "windows.csv");
        string svg = Path.Combine(folder, "windows.svg");
        AtomicFile.Write(csv, overwrite: true, s => s.Write(Encoding.UTF8.GetBytes(Csv())));
        Figure().Save(svg, overwrite: true);
        return (csv, svg);
    }

    static EditWindow Window(IReadOnlyDictionary<string, string> settings) =>
        settings.TryGetValue(LocationSearch.LayersKey, out string? layers)
        && layers is "ffn" or "msa"
        && settings.TryGetValue(LocationSearch.BlocksKey, out string? blocks)
        && blocks.Split('-') is [string first, string last]
        && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int from)
        && int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out int to)
        && from <= to
        && settings.ContainsKey(LocationSearch.RateKey)
            ? new EditWindow(layers == "ffn" ? EditLayers.Ffn : EditLayers.Msa, from, to - from + 1)
            : throw BadInput.Mismatch(
                null,
                "The rows are not those of a search for the location.",
                Remedy.GiveMade(Artifact.LocationSearch)
            );
}
