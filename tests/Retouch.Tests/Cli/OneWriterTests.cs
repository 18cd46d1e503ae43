using System.Diagnostics;
using Retouch.Formats;

namespace Retouch.Tests.Cli;

/// <summary>Two commands that write the same: the second is refused at once and told who the first is.</summary>
public sealed class OneWriterTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    string[] Run(string verb, string output, params string[] more) =>
        [.. verb.Split(' '), .. Options(verb, output), .. more];

    string[] Options(string verb, string output) =>
        verb switch
        {
            "bench" or "search-location" =>
            [
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Locality,
                "--out",
                output,
            ],
            "merge" => [_bench.Path("rows-0-of-1.jsonl"), "--out", output],
            "solve-targets" =>
            [
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--bank",
                output,
                "--count",
                "40",
                "--batch",
                "2",
                "--outer-steps",
                "1",
                "--inner-steps",
                "1",
            ],
            "train-locator" => ["--model", _bench.Model, "--images", _bench.Locality, "--out", output],
            "pretrain" => ["--images", _bench.Locality, "--out", output],
            "prepare" => ["--model", _bench.Model, "--images", _bench.Locality, "--method", "rome", "--out", output],
            "shift" => ["--kind", "snow", "--images", _bench.Locality, "--out", output],
            "export" => ["--model", _bench.Model, "--format", "timm", "--out", output],
            "demo" => ["--out", output],
            _ => throw new ArgumentOutOfRangeException(nameof(verb)),
        };

    [Theory]
    [InlineData("bench", "rows.jsonl")]
    [InlineData("search-location", "rows.jsonl")]
    [InlineData("merge", "rows.jsonl")]
    [InlineData("bench --shard 1/3", "rows-1-of-3.jsonl")]
    [InlineData("shift", "")]
    [InlineData("export", "")]
    [InlineData("demo", "")]
    public void A_folder_has_one_writer(string verb, string file)
    {
        Directory.CreateDirectory(_bench.Path("run"));
        _bench.Write("run/.retouch-demo", "");
        RefusedWhile(
            _bench.Path(file.Length == 0 ? "run" : $"run/{file}"),
            verb.StartsWith("bench --", StringComparison.Ordinal)
                ? [.. Run("bench", _bench.Path("run")), .. verb.Split(' ')[1..]]
                : Run(verb, _bench.Path("run"))
        );
        Assert.Equal(
            [".retouch-demo"],
            Directory.EnumerateFileSystemEntries(_bench.Path("run")).Select(Path.GetFileName)
        );
    }

    [Theory]
    [InlineData("train-locator")]
    [InlineData("pretrain")]
    [InlineData("prepare")]
    public void A_file_and_its_checkpoint_have_one_writer(string verb)
    {
        RefusedWhile(_bench.Path("out"), Run(verb, _bench.Path("out")));
        Assert.False(File.Exists(_bench.Path("out")));
    }

    [Theory]
    [InlineData("0/1", "0/1", true)]
    [InlineData("0/2", "1/2", false)]
    [InlineData("1/2", "0/1", true)]
    [InlineData("0/2", "2/4", true)]
    [InlineData("1/2", "2/4", false)]
    [InlineData("1/6", "3/4", true)]
    public void Parts_of_a_bank_are_solved_at_once_where_they_share_no_file(string held, string asked, bool refused)
    {
        string bank = _bench.Path("bank");
        string[] args = Workbench.With(Run("solve-targets", bank, "--shard", asked), "--count", "160");
        Ran.Retouch(Workbench.With(Run("solve-targets", bank), "--count", "1")).Good();
        string[] parts = held.Split('/');
        if (refused)
            RefusedWhile(Path.Combine(bank, $"part-{parts[0]}-of-{parts[1]}"), args);
        else
        {
            using WriterLock other = WriterLock.Take(
                Path.Combine(bank, $"part-{parts[0]}-of-{parts[1]}"),
                "solve-targets"
            );
            Ran.Retouch(args).Good();
        }
        Ran.Retouch(Workbench.With(args, "--count", "1")).Good();
        Assert.DoesNotContain(Directory.EnumerateFiles(bank), f => Path.GetFileName(f).StartsWith('.'));
    }

    [Fact]
    public void What_a_full_bank_gives_needs_no_turn()
    {
        Ran.Retouch(Run("solve-targets", _bench.Path("bank"))).Good();
        using WriterLock other = WriterLock.Take(_bench.Path("bank/part-0-of-1"), "solve-targets");
        Ran.Retouch(Run("solve-targets", _bench.Path("bank"))).Good();
        Ran.Retouch(
                "train-locator",
                "--model",
                _bench.Model,
                "--bank",
                _bench.Path("bank"),
                "--out",
                _bench.Path("l"),
                "--batch",
                "4",
                "--epochs",
                "1"
            )
            .Good();
    }

    [Fact]
    public void Another_process_is_named_and_once_killed_its_lock_is_taken_over()
    {
        string bank = _bench.Path("bank");
        string file = Path.Combine(bank, ".retouch-part-0-of-1.lock");
        string[] args = Workbench.With(Run("solve-targets", bank), "--count", "1000000");
        using Process first = Child.Start([.. args, "--quiet"]);
        try
        {
            while (!File.Exists(file) || new FileInfo(file).Length == 0)
            {
                Assert.False(first.HasExited);
                Thread.Sleep(10);
            }
            Ran second = Ran.Retouch(args);
            Assert.Equal(2, second.Code);
            Assert.Contains(
                $"error: {bank} is being written by 'retouch solve-targets', process {first.Id} on "
                    + $"{Environment.MachineName}, started ",
                second.Err,
                StringComparison.Ordinal
            );
        }
        finally
        {
            first.Kill();
            first.WaitForExit();
        }
        Assert.Equal(!OperatingSystem.IsWindows(), File.Exists(file));
        Ran.Retouch(Workbench.With(args, "--count", "2000")).Good();
        Assert.False(File.Exists(file));
        Assert.DoesNotContain(Directory.EnumerateFiles(bank), f => Path.GetFileName(f).StartsWith('.'));
    }

    // With processes of their own: a run, a bank, an index and a ledger.
    [Theory]
    [InlineData("bench", "run/rows.jsonl")]
    [InlineData("solve-targets", "bank/part-0-of-1")]
    [InlineData("mine", "index")]
    [InlineData("check", "index")]
    [InlineData("ledger", "ledger.json")]
    public void A_second_process_is_refused_at_once_by_name_and_what_a_dead_one_left_locks_nothing(
        string verb,
        string held
    )
    {
        string[] args = Ready(verb);
        string[] before = _bench.Contents();
        string file;
        using (WriterLock.Take(_bench.Path(held), "other"))
        {
            file = WriterLock.FileOf(_bench.Path(held));
            Assert.True(File.Exists(file));
            Stopwatch waited = Stopwatch.StartNew();
            using Process second = Child.Start(args);
            string error = second.StandardError.ReadToEnd();
            second.WaitForExit();
            Assert.Equal(2, second.ExitCode);
            Assert.Contains(
                $" is being written by 'retouch other', process {Environment.ProcessId} on "
                    + $"{Environment.MachineName}, started ",
                error,
                StringComparison.Ordinal
            );
            Assert.InRange(waited.Elapsed, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        }
        Assert.Equal(before, _bench.Contents());
        // Of a machine that was switched off: the number is another process's by now, here this one's.
        File.WriteAllText(file, $"'retouch other', process {Environment.ProcessId} on {Environment.MachineName}");
        using Process next = Child.Start(args);
        string said = next.StandardError.ReadToEnd();
        next.WaitForExit();
        Assert.True(next.ExitCode == 0, said);
        Assert.False(File.Exists(file));
    }

    string[] Ready(string verb)
    {
        Directory.CreateDirectory(_bench.Path("data/1"));
        for (int i = 0; i < 6; i++)
            _bench.WriteImage($"data/1/{i}.png", 400 + i);
        Directory.CreateDirectory(_bench.Path("index"));
        string[] shared = ["--model", _bench.Model, "--images", _bench.Path("data")];
        string[] index = [.. shared, "--index", _bench.Path("index")];
        string ledger = _bench.Path("ledger.json");
        switch (verb)
        {
            case "mine":
                return ["mine", .. index, "--min", "1", "--out", _bench.Path("b.json")];
            case "check":
                return ["check", .. index];
            case "solve-targets":
                Ran.Retouch(Workbench.With(Run(verb, _bench.Path("bank")), "--count", "1")).Good();
                return Workbench.With(Run(verb, _bench.Path("bank")), "--count", "2");
            case "bench":
                Directory.CreateDirectory(_bench.Path("run"));
                string accept = _bench.Write("accept.json", $$"""{"1": [{{_bench.WrongLabel()}}]}""");
                string[] mine = ["mine", .. shared, "--min", "2", "--accept", accept, "--locality", _bench.Locality];
                Ran.Retouch([.. mine, "--out", _bench.Path("b.json")]).Good();
                return
                [
                    "bench",
                    .. shared,
                    "--locality",
                    _bench.Locality,
                    "--benchmark",
                    _bench.Path("b.json"),
                    "--out",
                    _bench.Path("run"),
                    "--methods",
                    "masked-fine-tuning",
                    "--locator",
                    "random",
                    "--keep",
                    "0.2",
                    "--steps",
                    "1",
                    "--gallery",
                    "0",
                ];
            default:
                string patch = _bench.MakePatch("p.patch");
                Ran.Retouch(
                        "ledger",
                        "init",
                        "--model",
                        _bench.Model,
                        "--ledger",
                        ledger,
                        "--reason",
                        "test",
                        "--author",
                        "Ann"
                    )
                    .Good();
                return ["ledger", "add", patch, "--ledger", ledger, "--reason", "test", "--author", "Ann"];
        }
    }

    void RefusedWhile(string held, string[] args)
    {
        using (WriterLock first = WriterLock.Take(held, "other"))
        {
            Ran ran = Ran.Retouch(args);
            Assert.True(ran.Code == 2, $"exit code {ran.Code}: {ran.Out}{ran.Err}");
            Assert.Equal("", ran.Out);
            Assert.Contains(
                $"is being written by 'retouch other', process {Environment.ProcessId} on ",
                ran.Err,
                StringComparison.Ordinal
            );
            Assert.Contains(", started ", ran.Err, StringComparison.Ordinal);
        }
        // Then it is no longer that which stands in the way.
        Assert.DoesNotContain(
            "is being written",
            args[0] == "demo" || args[0] == "solve-targets" || args[0] == "train-locator"
                ? ""
                : Ran.Retouch(Broken(args)).Err,
            StringComparison.Ordinal
        );
    }

    // The same with an input that is not there, so that nothing is made.
    string[] Broken(string[] args) =>
        [.. args.Select(a => a == _bench.Model || a == _bench.Locality ? _bench.Path("absent") : a)];
}
