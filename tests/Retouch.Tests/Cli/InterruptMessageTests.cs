using System.Text.RegularExpressions;
using Retouch.Benchmarks;
using Retouch.Tests.Images;
using SkiaSharp;

namespace Retouch.Tests.Cli;

/// <summary>What an interrupted command says is true, and what it says to do works.</summary>
public sealed class InterruptMessageTests : IDisposable
{
    readonly Workbench _bench = new();

    string[] Shared => ["--model", _bench.Model, "--images", _bench.Path("paint"), "--locality", _bench.Locality];

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Predict_says_how_many_images_it_has_answered()
    {
        // Large ones, of which a second answers some dozens: an interrupt comes before the last on any machine.
        const int images = 4_000;
        string image = _bench.Write("large.png", TestImage.Encode(TestImage.Noise(800, 800), SKEncodedImageFormat.Png));
        Ran ran = Child.Interrupted(
            "INT",
            error: false,
            "{",
            ["predict", "--model", _bench.Model, "--json", .. Enumerable.Repeat(image, images)]
        );
        Assert.Equal(130, ran.Code);
        Match match = Regex.Match(
            ran.Err,
            $@"error: interrupted after (\d+) of {images} images, whose answers are whole\.\n\z"
        );
        Assert.True(match.Success, ran.Err[^Math.Min(ran.Err.Length, 400)..]);
        Assert.Equal(ran.Objects.Length, int.Parse(match.Groups[1].Value));
        Assert.InRange(ran.Objects.Length, 1, images - 1);
    }

    [Theory]
    [InlineData("bench", "INT")]
    [InlineData("search-location", "HUP")]
    public void A_run_without_a_row_promises_none_and_begins_anew(string verb, string signal)
    {
        string benchmark = Mined();
        string[] run =
        [
            verb,
            .. Shared,
            "--benchmark",
            benchmark,
            "--steps",
            "2000000000",
            "--lr",
            "1e-12",
            "--out",
            _bench.Path("run"),
            .. verb == "bench" ? (string[])["--locator", "random"] : [],
        ];
        foreach (string[] args in (string[][])[run, [.. run, "--resume"]])
        {
            Ran ran = Child.Interrupted(signal, error: true, "run ", args);
            Assert.Equal(130, ran.Code);
            string told = "error: interrupted before the first row; the same command with --resume begins anew.\n";
            Assert.EndsWith(told, ran.Err, StringComparison.Ordinal);
            Assert.Empty(File.ReadAllBytes(_bench.Path("run/rows.jsonl")));
            Assert.Empty(Directory.EnumerateFiles(_bench.Path("run"), ".retouch*"));
        }
    }

    [Fact]
    public void A_pretraining_that_is_hung_up_keeps_its_steps()
    {
        string config = _bench.Write(
            "config.json",
            """
            {"imageSize": 8, "patchSize": 4, "width": 8, "depth": 1, "heads": 1, "mlpWidth": 8, "epochs": 1000000, "batch": 4}
            """
        );
        foreach (string folder in (string[])["train/a", "train/b"])
        {
            Directory.CreateDirectory(_bench.Path(folder));
            for (int i = 0; i < 4; i++)
                _bench.WriteImage($"{folder}/{i}.png", i);
        }
        string[] run =
        [
            "pretrain",
            "--images",
            _bench.Path("train"),
            "--config",
            config,
            "--out",
            _bench.Path("m.safetensors"),
        ];
        foreach (string[] args in (string[][])[run, [.. run, "--resume"]])
        {
            Ran ran = Child.Interrupted("HUP", error: true, args.Contains("--resume") ? "going on from " : "", args);
            Assert.Equal(130, ran.Code);
            Assert.Contains("error: interrupted after ", ran.Err, StringComparison.Ordinal);
            Assert.EndsWith(
                "m.safetensors.checkpoint keeps them, and the same command with --resume goes on.\n",
                ran.Err,
                StringComparison.Ordinal
            );
            Assert.True(File.Exists(_bench.Path("m.safetensors.checkpoint")));
        }
    }

    [Fact]
    public void The_demo_says_where_what_it_made_lies()
    {
        Ran ran = Child.Interrupted("TERM", error: false, "1  Finding", "demo", "--out", _bench.Path("demo"));
        Assert.Equal(130, ran.Code);
        Assert.EndsWith(
            $"error: interrupted; what was made so far is in {_bench.Path("demo")}, and the same "
                + "command makes all of it.\n",
            ran.Err,
            StringComparison.Ordinal
        );
        Assert.True(File.Exists(_bench.Path("demo/model.safetensors")));
    }

    string Mined()
    {
        string wrong = _bench.WrongLabel();
        Directory.CreateDirectory(_bench.Path("paint/cat"));
        for (int i = 0; i < 8; i++)
            _bench.WriteImage($"paint/cat/{i}.png", 200 + i);
        string accept = _bench.Write("accept.json", $$"""{"cat": [{{wrong}}]}""");
        Ran.Retouch(["mine", .. Shared, "--accept", accept, "--min", "2", "--out", _bench.Path("b.json")]).Good();
        Assert.NotEmpty(BenchmarkFile.Load(_bench.Path("b.json")).Groups);
        return _bench.Path("b.json");
    }
}
