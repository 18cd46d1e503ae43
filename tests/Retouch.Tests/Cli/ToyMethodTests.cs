using System.Text.Json;
using Retouch.Editing;
using Retouch.Tests.Editing;

namespace Retouch.Tests.Cli;

/// <summary>A method is defined once: from a folder and one line it is in every verb.</summary>
public sealed class ToyMethodTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly IDisposable _included = Methods.Including(ToyMethod.Definition);

    public void Dispose()
    {
        _included.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public void A_new_method_is_listed_with_its_settings()
    {
        JsonElement toy = Assert.Single(
            Ran.Retouch("methods", "--json").Good().Objects,
            m => m.GetProperty("name").GetString() == "toy"
        );
        Assert.Equal(
            ["push", "unused"],
            toy.GetProperty("knobs").EnumerateArray().Select(k => k.GetProperty("name").GetString())
        );
        Assert.Equal(
            ["25", "50", "100"],
            toy.GetProperty("knobs")[0].GetProperty("full").EnumerateArray().Select(v => v.GetString())
        );
        Assert.Contains(
            "how far it is raised; 50 (swept: 25, 50, 100)",
            Ran.Retouch("methods").Good().Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void It_edits_with_its_settings_which_are_checked()
    {
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _bench.WrongLabel(),
            "--method",
            "toy",
            "--out",
            _bench.Path("p"),
        ];
        _bench.Refuses([.. edit, "--set", "push=0"], "push", "above 0");
        _bench.Refuses([.. edit, "--set", "pull=1"], "pull", "push");
        JsonElement made = Ran.Retouch([.. edit, "--set", "push=60", "--json"]).Good().Objects[0];
        Assert.Equal(("toy", true), (made.GetProperty("method").GetString(), made.GetProperty("success").GetBoolean()));
        Assert.Equal("60", made.GetProperty("settings").GetProperty("push").GetString());
    }

    [Fact]
    public void A_benchmark_measures_it_beside_others_and_its_report_shows_it()
    {
        Directory.CreateDirectory(_bench.Path("paint/cat"));
        for (int i = 0; i < 8; i++)
            _bench.WriteImage($"paint/cat/{i:00}.png", 200 + i);
        string accept = _bench.Write("accept.json", $$"""{"cat": [{{_bench.WrongLabel()}}]}""");
        string[] shared = ["--model", _bench.Model, "--images", _bench.Path("paint"), "--locality", _bench.Locality];
        Ran.Retouch([
                "mine",
                .. shared,
                "--labels",
                _bench.Labels,
                "--accept",
                accept,
                "--min",
                "2",
                "--out",
                _bench.Path("b.json"),
            ])
            .Good();
        Ran.Retouch([
                "bench",
                .. shared,
                "--benchmark",
                _bench.Path("b.json"),
                "--methods",
                "toy",
                "ft",
                "--sweep",
                "quick",
                "--lr",
                "0.01",
                "--steps",
                "2",
                "--max-edits-per-group",
                "2",
                "--out",
                _bench.Path("run"),
            ])
            .Good();
        string[] settings =
        [
            .. File.ReadAllLines(_bench.Path("run/rows.jsonl"))
                .Select(r => JsonElement.Parse(r))
                .Where(r => r.GetProperty("method").GetString() == "toy")
                .Select(r => r.GetProperty("settings").GetRawText())
                .Distinct(),
        ];
        // What is a detail stands in no row.
        Assert.Equal(["""{"push":"25"}""", """{"push":"50"}"""], settings);
        string report = File.ReadAllText(_bench.Path("run/report.html"));
        Assert.Contains("Toy", report, StringComparison.Ordinal);
        Assert.Contains(
            "nobody&#x27;s",
            report
                .Replace("&#39;", "&#x27;", StringComparison.Ordinal)
                .Replace("nobody's", "nobody&#x27;s", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void It_is_gone_with_what_included_it()
    {
        _included.Dispose();
        Assert.DoesNotContain(Methods.All, m => m.Name == "toy");
        Assert.Throws<ArgumentException>(() => Methods.Including(Gate.Definition));
    }
}
