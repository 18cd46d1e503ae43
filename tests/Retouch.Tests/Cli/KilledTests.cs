using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Retouch.Tests.Cli;

/// <summary>
/// Commands that write several files, stopped before each step that others can see: the documented command then makes
/// what one that was never stopped makes, and nothing else lies about.
/// </summary>
public sealed class KilledTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_locators_training_with_resume()
    {
        Ran.Retouch(Workbench.With(Solve(_bench.Path("bank")), "--count", "12")).Good();
        string[] train =
        [
            "train-locator",
            "--model",
            _bench.Model,
            "--out",
            _bench.Path("out/l"),
            "--bank",
            _bench.Path("bank"),
            "--batch",
            "4",
            "--epochs",
            "2",
        ];
        // Checkpoints, that it is done, both curves, the locator, and the checkpoint's end.
        Survives(train, [.. train, "--resume"], fewest: 6, before: () => Directory.CreateDirectory(_bench.Path("out")));
        // It is no licence to replace what it did not write.
        File.Copy(_bench.Labels, _bench.Path("out/l"), overwrite: true);
        Assert.Contains("pass --overwrite", Ran.Retouch([.. train, "--resume"]).Err, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(_bench.Labels), File.ReadAllBytes(_bench.Path("out/l")));
    }

    [Fact]
    public void A_pretraining_with_resume()
    {
        string[] train = Pretrain();
        Survives(train, [.. train, "--resume"], fewest: 4, before: () => Directory.CreateDirectory(_bench.Path("out")));
    }

    [Theory]
    [InlineData("rome")]
    [InlineData("fisher")]
    public void A_preparation(string method)
    {
        string[] prepare =
        [
            "prepare",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--method",
            method,
            "--out",
            _bench.Path("out/p"),
        ];
        Survives(prepare, prepare, fewest: 1, before: () => Directory.CreateDirectory(_bench.Path("out")));
    }

    [Theory]
    [InlineData("timm")]
    [InlineData("transformers")]
    public void An_exported_folder(string format)
    {
        string[] export =
        [
            "export",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--format",
            format,
            "--out",
            _bench.Path("out"),
        ];
        Survives(export, export, fewest: 2);
    }

    [Fact]
    public void A_bank()
    {
        string[] solve = Solve(_bench.Path("out"));
        Survives(solve, solve, fewest: 3);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--overwrite")]
    public void Shifted_images(string more)
    {
        string[] shift =
        [
            "shift",
            "--kind",
            "snow",
            "--images",
            _bench.Locality,
            "--out",
            _bench.Path("out"),
            "--threads",
            "1",
        ];
        Survives([.. shift, .. more.Length > 0 ? (string[])[more] : []], shift, fewest: 7);
    }

    [Fact]
    public void A_benchs_rows_summary_and_report_with_resume()
    {
        string[] bench = [.. Bench("bench", _bench.Path("out")), "--locator", "random", "--gallery", "0"];
        Survives(bench, [.. bench, "--resume"], fewest: 6);
    }

    [Fact]
    public void A_merge_and_a_report()
    {
        // Mined once: with another number of threads, which the first shard sets, a margin's last bit can be another.
        string[] bench = Bench("bench", _bench.Path("parts"));
        foreach (string shard in (string[])["0/2", "1/2"])
            Ran.Retouch([.. bench, "--locator", "random", "--gallery", "0", "--shard", shard]).Good();
        string[] merge = ["merge", _bench.Path("parts"), "--out", _bench.Path("out")];
        Survives(merge, [.. merge, "--overwrite"], fewest: 6);
        Ran.Retouch(["merge", _bench.Path("parts"), "--out", _bench.Path("run")]).Good();
        string[] report = ["bench", "report", _bench.Path("run"), "--out", _bench.Path("out/page.html")];
        Survives(report, report, fewest: 3, before: () => Directory.CreateDirectory(_bench.Path("out")));
    }

    [Fact]
    public void A_search_for_the_location_with_resume()
    {
        string[] search = Bench("search-location", _bench.Path("out"));
        Survives(search, [.. search, "--resume"], fewest: 6);
    }

    void Survives(string[] command, string[] again, int fewest, Action? before = null)
    {
        Clean(before);
        Ran.Retouch(command).Good();
        string[] whole = Outputs();
        int steps = 0;
        for (; KilledAt(steps, command, before); steps++)
        {
            Ran ran = Ran.Retouch(again);
            Assert.True(ran.Code == 0, $"killed at step {steps}: {ran.Err}");
            Assert.Equal(whole, Outputs());
        }
        Assert.InRange(steps, fewest, int.MaxValue);
        Assert.Equal(whole, Outputs());
    }

    // Whether there was such a step. A process that was killed takes no further ones.
    bool KilledAt(int step, string[] command, Action? before)
    {
        Clean(before);
        int left = step;
        Retouch.Formats.AtomicFile.BeforeStep.Value = path =>
        {
            if (Interlocked.Decrement(ref left) < 0)
                throw new InvalidTimeZoneException($"killed before {path}");
        };
        try
        {
            Ran ran = Ran.Retouch(command);
            if (left >= 0)
                ran.Good();
            else
                Assert.Equal((1, true), (ran.Code, ran.Err.Contains("killed before", StringComparison.Ordinal)));
            return left < 0;
        }
        finally
        {
            Retouch.Formats.AtomicFile.BeforeStep.Value = null;
        }
    }

    void Clean(Action? before)
    {
        if (Directory.Exists(_bench.Path("out")))
            Directory.Delete(_bench.Path("out"), recursive: true);
        before?.Invoke();
    }

    string[] Outputs() =>
        [
            .. Directory
                .EnumerateFiles(_bench.Path("out"), "*", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(f => $"{f} {Contents(f)}"),
        ];

    // Rows, and what is made of them, say how long they took.
    static string Contents(string file) =>
        Path.GetExtension(file) switch
        {
            ".jsonl" => string.Join('\n', File.ReadLines(file).Select(WithoutSeconds)),
            ".html" => "",
            _ when file.Contains("-files", StringComparison.Ordinal) || Path.GetFileName(file) == "summary.json" => "",
            _ => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))),
        };

    static string WithoutSeconds(string row)
    {
        JsonObject json = JsonNode.Parse(row)!.AsObject();
        json.Remove("seconds");
        return json.ToJsonString();
    }

    string[] Bench(string verb, string output)
    {
        Directory.CreateDirectory(_bench.Path("paint/cat"));
        for (int i = 0; i < 6; i++)
            _bench.WriteImage($"paint/cat/{i}.png", 200 + i);
        string accept = _bench.Write("accept.json", $$"""{"cat": [{{_bench.WrongLabel()}}]}""");
        string[] shared = ["--model", _bench.Model, "--images", _bench.Path("paint"), "--locality", _bench.Locality];
        string benchmark = _bench.Path("b.json");
        Ran.Retouch(["mine", .. shared, "--accept", accept, "--min", "2", "--out", benchmark, "--overwrite"]).Good();
        return
        [
            verb,
            .. shared,
            "--benchmark",
            benchmark,
            "--steps",
            "2",
            "--lr",
            Workbench.Rate,
            "--max-edits-per-group",
            "2",
            "--batch",
            "1",
            "--threads",
            "1",
            "--out",
            output,
        ];
    }

    string[] Solve(string bank) =>
        [
            "solve-targets",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--bank",
            bank,
            "--count",
            "40",
            "--batch",
            "2",
            "--outer-steps",
            "1",
            "--inner-steps",
            "1",
        ];

    string[] Pretrain()
    {
        string config = _bench.Write(
            "config.json",
            """
            {"imageSize": 8, "patchSize": 4, "width": 8, "depth": 1, "heads": 1, "mlpWidth": 8, "epochs": 3, "batch": 4}
            """
        );
        foreach (string folder in (string[])["train/a", "train/b"])
        {
            Directory.CreateDirectory(_bench.Path(folder));
            for (int i = 0; i < 4; i++)
                _bench.WriteImage($"{folder}/{i}.png", i);
        }
        string images = _bench.Path("train");
        return
        [
            "pretrain",
            "--images",
            images,
            "--held-out",
            images,
            "--config",
            config,
            "--keep-every",
            "1",
            "--out",
            _bench.Path("out/m.safetensors"),
        ];
    }
}
