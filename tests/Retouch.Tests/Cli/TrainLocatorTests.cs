using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Xml.Linq;

namespace Retouch.Tests.Cli;

public sealed class TrainLocatorTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    string[] Solve(string bank, int count, params string[] more) =>
        [
            "solve-targets",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--bank",
            _bench.Path(bank),
            "--count",
            $"{count}",
            "--batch",
            "2",
            "--outer-steps",
            "2",
            "--inner-steps",
            "2",
            .. more,
        ];

    string[] Train(string output, string bank, params string[] more) =>
        [
            "train-locator",
            "--model",
            _bench.Model,
            "--out",
            _bench.Path(output),
            "--bank",
            _bench.Path(bank),
            "--batch",
            "2",
            "--epochs",
            "3",
            .. more,
        ];

    [Fact]
    public void From_images_to_an_edit()
    {
        JsonElement solved = Ran.Retouch([.. Solve("bank", 36), "--json"]).Good().Objects[0];
        Assert.Equal((36, 36), (solved.GetProperty("solved").GetInt32(), solved.GetProperty("count").GetInt32()));
        JsonElement trained = Ran.Retouch([.. Train("locator", "bank", "--half"), "--json"]).Good().Objects[0];
        Assert.Equal(36, trained.GetProperty("targets").GetInt32());
        Assert.True(trained.GetProperty("heldOutLoss").GetDouble() > 0);

        string[] lines = File.ReadAllLines(_bench.Path("locator.csv"));
        Assert.StartsWith(
            "batches,lr,bce_training,bce_held_out,bce_mean_mask,kl_before",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.Equal(8, lines.Length); // a point each 8 of 51 batches, and the last
        Assert.Equal("svg", XDocument.Load(_bench.Path("locator.svg")).Root!.Name.LocalName);
        Assert.False(File.Exists(_bench.Path("locator.checkpoint")));

        Ran edit = Ran.Retouch(
                Workbench.With(
                    [.. _bench.Edit(_bench.Path("patch")), "--locator-file", _bench.Path("locator")],
                    "--locator",
                    "hypernetwork"
                )
            )
            .Good();
        Assert.Contains("corrected", edit.Out, StringComparison.Ordinal);
        string other = _bench.WriteModel("other.safetensors", seed: 1);
        _bench.Refuses(
            Workbench.With(
                Workbench.With(
                    [.. _bench.Edit(_bench.Path("p2")), "--locator-file", _bench.Path("locator")],
                    "--locator",
                    "hypernetwork"
                ),
                "--model",
                other
            ),
            "was trained for the model"
        );
    }

    [Fact]
    public void Online_training_needs_no_bank()
    {
        Ran.Retouch(
                "train-locator",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--out",
                _bench.Path("locator"),
                "--batch",
                "2",
                "--targets",
                "12",
                "--outer-steps",
                "1",
                "--inner-steps",
                "1"
            )
            .Good();
        Assert.Equal(1 + 2, File.ReadAllLines(_bench.Path("locator.csv")).Length);
    }

    [Fact]
    public void A_killed_solving_goes_on_and_gives_the_same_bank()
    {
        Ran.Retouch(Solve("whole", 200)).Good();
        for (int i = 0; i < 2; i++)
            Kill(
                Solve("killed", 200),
                () =>
                    Directory.Exists(_bench.Path("killed"))
                    && Directory.EnumerateFiles(_bench.Path("killed"), "targets-*").Count() > i
            );
        Ran.Retouch(Solve("killed", 200)).Good();
        Assert.Equal(Contents("whole"), Contents("killed"));
    }

    [Fact]
    public void A_killed_training_resumes_and_gives_the_same_locator()
    {
        Ran.Retouch(Solve("bank", 40)).Good();
        Ran.Retouch(Workbench.With(Train("whole", "bank"), "--epochs", "80")).Good();
        string[] train = Workbench.With(Train("killed", "bank"), "--epochs", "80");
        Kill(train, () => File.Exists(_bench.Path("killed.checkpoint")));
        Assert.False(File.Exists(_bench.Path("killed")));
        // What the kill left, the next command takes away, also one that is refused.
        File.Delete(_bench.Path(".retouch-killed.lock"));
        _bench.Refuses(train, "--resume");
        Ran.Retouch([.. train, "--resume"]).Good();
        foreach (string end in (string[])["", ".csv", ".svg"])
            Assert.Equal(File.ReadAllBytes(_bench.Path("whole" + end)), File.ReadAllBytes(_bench.Path("killed" + end)));
    }

    [Fact]
    public void Bad_input_is_named()
    {
        Ran.Retouch(Solve("bank", 4)).Good();
        _bench.Refuses(Solve("bank", 4, "--seed", "3"), "seed 0, not 3", "bank");
        _bench.Refuses(
            Workbench.With(Solve("bank", 4), "--model", _bench.WriteModel("other.safetensors", seed: 1)),
            "model ",
            ", not "
        );
        _bench.Refuses(Workbench.With(Solve("new", 4), "--batch", "8"), "6 images", "needs 16");
        _bench.Refuses([.. Solve("new", 4), "--shard", "2/2"], "--shard", "I/N");
        _bench.Refuses(Train("locator", "bank", "--targets", "5"), "lacks sample 4");
        _bench.Refuses(
            Workbench.With(Train("locator", "bank"), "--model", _bench.Path("other.safetensors")),
            "was made for the model"
        );
        _bench.Refuses(
            ["train-locator", "--model", _bench.Model, "--out", _bench.Path("locator")],
            "--images",
            "--bank"
        );
        _bench.Refuses(Train("absent/locator", "bank"), "absent");
    }

    string[] Contents(string bank) =>
        [
            .. Directory
                .EnumerateFiles(_bench.Path(bank))
                .Order(StringComparer.Ordinal)
                .Select(f => $"{Path.GetFileName(f)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}"),
        ];

    // Kills a command of its own process as soon as something holds.
    static void Kill(string[] args, Func<bool> when)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Retouch.Cli.dll");
        using Process process = Process.Start(
            new ProcessStartInfo("dotnet", ["exec", program, .. args, "--quiet"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        Stopwatch clock = Stopwatch.StartNew();
        while (!when() && !process.HasExited && clock.Elapsed < TimeSpan.FromSeconds(60))
            Thread.Sleep(5);
        Assert.False(process.HasExited, "it was done before it could be killed");
        process.Kill();
        process.WaitForExit();
        Assert.NotEqual(0, process.ExitCode);
    }
}
