using System.Text.Json.Nodes;

namespace Retouch.Tests.Cli;

/// <summary>Parts of every verb that has them make what one run makes, and nothing else is taken for them.</summary>
public sealed class MergeTests : IDisposable
{
    readonly Workbench _bench = new();

    public MergeTests()
    {
        foreach ((int i, string name) in "ant bee cow dog elk fox gnu".Split(' ').Index())
        {
            Directory.CreateDirectory(_bench.Path($"photos/{name}"));
            for (int k = 0; k < 8; k++)
                _bench.WriteImage($"photos/{name}/{k}.png", 100 + 10 * i + k);
        }
        for (int i = 6; i < 40; i++)
            _bench.WriteImage($"locality/{i}.png", 10 + i);
        // A copy, which counts once, and is in another batch than what it is one of.
        File.Copy(_bench.Path("locality/0.png"), _bench.Path("locality/zz.png"));
        _bench.Write("photos/gnu/torn.png", "no image");
    }

    public void Dispose() => _bench.Dispose();

    string[] Mine(string output, params string[] more) =>
        [
            "mine",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Path("photos"),
            "--locality",
            _bench.Locality,
            "--min",
            "2",
            "--out",
            _bench.Path(output),
            .. more,
        ];

    string[] Check(string output, params string[] more) =>
        [
            "check",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Path("photos"),
            "--out",
            _bench.Path(output),
            .. more,
        ];

    string[] Solve(string bank, params string[] more) =>
        [
            "solve-targets",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--batch",
            "2",
            "--outer-steps",
            "1",
            "--inner-steps",
            "1",
            "--count",
            "70",
            "--bank",
            _bench.Path(bank),
            .. more,
        ];

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)] // more than there are batches
    public void Parts_of_a_mining_make_its_benchmark(int parts)
    {
        Ran whole = Ran.Retouch(Mine("whole.json", "--json")).Good();
        // Of two parts each with an index, of which it is the only writer.
        string[] index = parts == 2 ? ["--index", _bench.Path("index")] : [];
        foreach (int i in Enumerable.Range(0, parts).Reverse())
            Ran.Retouch(Mine("mined.json", ["--shard", $"{i}/{parts}", .. index])).Good();
        Assert.Equal(parts == 2, Directory.Exists(_bench.Path("index-1-of-2")));
        Assert.False(File.Exists(_bench.Path("mined.json")));
        // As its task wrote it but for one digit.
        string one = _bench.Path($"mined-1-of-{parts}.json");
        string text = File.ReadAllText(one);
        File.WriteAllText(one, text.Replace("\"margin\":0.05", "\"margin\":0.06", StringComparison.Ordinal));
        Assert.NotEqual(text, File.ReadAllText(one));
        _bench.Refuses(["merge", "--out", _bench.Path("mined.json")], $"{one} is not as its task wrote it", "again");
        Ran.Retouch(Mine("mined.json", ["--shard", $"1/{parts}", .. index, "--overwrite"])).Good();
        Assert.Equal(text, File.ReadAllText(one));
        // Parts of older versions are taken as they are, which is said.
        File.Delete(_bench.Path($"mined-0-of-{parts}.json.sha256"));
        Ran merged = Ran.Retouch("merge", "--out", _bench.Path("mined.json"), "--json").Good();
        Assert.Equal(File.ReadAllText(_bench.Path("whole.json")), File.ReadAllText(_bench.Path("mined.json")));
        Assert.Equal("benchmark", merged.Objects[0].GetProperty("kind").GetString());
        Assert.Equal(parts, merged.Objects[0].GetProperty("parts").GetInt32());
        Assert.Contains($"1 of {parts} parts have no SHA-256", merged.Err, StringComparison.Ordinal);
        Assert.Equal(
            whole.Objects[0].GetProperty("groups").EnumerateArray().Sum(g => g.GetProperty("images").GetInt32()),
            merged.Objects[0].GetProperty("items").GetInt32()
        );
        // What was left out is said once, though each part has the folder's.
        Assert.Equal(1, merged.Err.Split('\n').Count(l => l.Contains("copy", StringComparison.Ordinal)));
        Assert.Equal(1, merged.Err.Split('\n').Count(l => l.Contains("torn.png", StringComparison.Ordinal)));
    }

    [Fact]
    public void Parts_of_a_check_make_its_answers_of_which_the_report_is_made()
    {
        Ran whole = Ran.Retouch(Check("whole.jsonl", "--json")).Good();
        for (int i = 0; i < 3; i++)
            Ran.Retouch(Check("all.jsonl", "--shard", $"{i}/3")).Good();
        // What is whole already is gone on with, and a torn line is asked about again.
        string part = File.ReadAllText(_bench.Path("all-1-of-3.jsonl"));
        File.WriteAllText(_bench.Path("all-1-of-3.jsonl"), part[..^30]);
        string torn = _bench.Path("all-1-of-3.jsonl");
        _bench.Refuses(["merge", "--out", _bench.Path("all.jsonl")], $"{torn} is not as its task wrote it", "again");
        // One that was never finished has no sum, and in parts of older versions none has.
        foreach (int other in (int[])[1, 0, 2])
        {
            File.Delete(_bench.Path($"all-{other}-of-3.jsonl.sha256"));
            _bench.Refuses(
                ["merge", "--out", _bench.Path("all.jsonl")],
                $"{torn} was not finished: it lacks the answer to image",
                "run its task again"
            );
        }
        Assert.False(File.Exists(_bench.Path("all.jsonl")));
        _bench.Refuses(Check("all.jsonl", "--shard", "1/3"), "exists", "--resume");
        Ran.Retouch(Check("all.jsonl", "--shard", "1/3", "--resume")).Good();
        Assert.Equal(part, File.ReadAllText(_bench.Path("all-1-of-3.jsonl")));
        // As its task wrote it but for one digit of a probability: the sum tells, and the task does all of it again.
        const string before = "\"probability\":0.";
        int digit = part.IndexOf(before, StringComparison.Ordinal) + before.Length;
        File.WriteAllText(torn, $"{part[..digit]}{(part[digit] == '2' ? 3 : 2)}{part[(digit + 1)..]}");
        _bench.Refuses(["merge", "--out", _bench.Path("all.jsonl")], $"{torn} is not as its task wrote it", "again");
        Ran anew = Ran.Retouch(Check("all.jsonl", "--shard", "1/3", "--resume")).Good();
        Assert.Contains("all-1-of-3.jsonl was changed since", anew.Err, StringComparison.Ordinal);
        Assert.Equal(part, File.ReadAllText(torn));

        Ran merged = Ran.Retouch("merge", "--out", _bench.Path("all.jsonl"), "--json").Good();
        Assert.Equal(File.ReadAllText(_bench.Path("whole.jsonl")), File.ReadAllText(_bench.Path("all.jsonl")));
        Assert.Equal("check", merged.Objects[0].GetProperty("kind").GetString());
        Assert.Equal(57, merged.Objects[0].GetProperty("items").GetInt32());
        Ran report = Ran.Retouch(Check("all.jsonl", "--resume", "--json")).Good();
        Assert.Contains("57 of 57 images were asked about before", report.Err, StringComparison.Ordinal);
        Assert.Equal(
            whole.Objects[0].GetRawText().Replace("whole.jsonl", "all.jsonl", StringComparison.Ordinal),
            report.Objects[0].GetRawText()
        );

        // Neither is a part the whole, nor one part another.
        File.Copy(_bench.Path("all-0-of-3.jsonl"), _bench.Path("part.jsonl"));
        _bench.Refuses(Check("part.jsonl", "--resume"), "the check's part 0/3");
        File.Copy(_bench.Path("all-0-of-3.jsonl"), _bench.Path("all-0-of-2.jsonl"));
        _bench.Refuses(Check("all.jsonl", "--resume", "--shard", "0/2"), "the check's part 0/3");
        _bench.Refuses(["merge", _bench.Path("whole.jsonl"), "--out", _bench.Path("x.jsonl")], "a whole check");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Parts_of_a_bank_make_the_bank(bool oneFolder)
    {
        Ran.Retouch(Solve("whole")).Good();
        string[] folders = [.. Enumerable.Range(0, 2).Select(i => oneFolder ? "bank" : $"bank{i}")];
        Ran.Retouch(Solve(folders[1], "--shard", "1/2")).Good();
        _bench.Refuses(
            ["merge", _bench.Path(folders[1]), "--out", _bench.Path("bank")],
            "Of 2 parts part 0 is missing"
        );
        Ran.Retouch(Solve(folders[0], "--shard", "0/2")).Good();
        // A target's last byte: the file still opens.
        string target = _bench.Path($"{folders[1]}/targets-0000032.safetensors");
        byte[] bytes = File.ReadAllBytes(target);
        File.WriteAllBytes(target, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        string[] parts = oneFolder ? [] : [.. folders.Select(_bench.Path)];
        _bench.Refuses(
            ["merge", .. parts, "--out", _bench.Path("bank")],
            $"{target} is not as its task wrote it",
            "Run that task again"
        );
        Ran.Retouch(Solve(folders[1], "--shard", "1/2")).Good();
        Assert.Equal(bytes, File.ReadAllBytes(target));
        Ran merged = Ran.Retouch([
                "merge",
                .. oneFolder ? [] : folders.Select(_bench.Path),
                "--out",
                _bench.Path("bank"),
                "--json",
            ])
            .Good();
        Assert.Equal("targetBank", merged.Objects[0].GetProperty("kind").GetString());
        Assert.Equal(70, merged.Objects[0].GetProperty("items").GetInt32());
        string[] files = [.. Names("whole")];
        Assert.Equal(4, files.Length);
        Assert.Equal(files, Names("bank"));
        Assert.All(
            files,
            f => Assert.Equal(File.ReadAllBytes(_bench.Path($"whole/{f}")), File.ReadAllBytes(_bench.Path($"bank/{f}")))
        );
        _bench.Refuses(["merge", _bench.Path("bank"), "--out", _bench.Path("again")], "no part of a bank");

        IEnumerable<string> Names(string folder) =>
            Directory.EnumerateFiles(_bench.Path(folder)).Select(f => Path.GetFileName(f)).Order();
    }

    [Fact]
    public void A_bank_that_was_not_finished_is_refused()
    {
        for (int i = 0; i < 2; i++)
            Ran.Retouch(Solve("bank", "--shard", $"{i}/2")).Good();
        File.Delete(_bench.Path("bank/targets-0000032.safetensors"));
        _bench.Refuses(["merge", "--out", _bench.Path("bank")], "Part 1/2", "lacks target 32");
        Ran.Retouch(Solve("bank", "--shard", "1/2")).Good();
        Ran.Retouch(Workbench.With(Solve("bank", "--shard", "0/2"), "--count", "100")).Good();
        _bench.Refuses(["merge", "--out", _bench.Path("bank")], "70 targets", "of 100");
    }

    [Fact]
    public void What_is_no_part_of_the_whole_is_refused()
    {
        for (int i = 0; i < 3; i++)
            Ran.Retouch(Mine("mined.json", "--shard", $"{i}/3")).Good();
        Ran.Retouch(Check("all.jsonl", "--shard", "0/3")).Good();
        string Part(int i) => _bench.Path($"mined-{i}-of-3.json");
        string[] merge = ["merge", "--out", _bench.Path("x.json")];
        _bench.Refuses([.. merge, Part(2)], "Of 3 parts parts 0, 1 are missing", "merge again");
        File.Copy(Part(1), _bench.Path("copy.json"));
        _bench.Refuses(
            [.. merge, Part(0), Part(1), Part(2), _bench.Path("copy.json")],
            "Part 1/3 is there twice",
            Part(1),
            _bench.Path("copy.json")
        );
        _bench.Refuses([.. merge, Part(0), _bench.Path("all-0-of-3.jsonl")], "part of a mining", "answers of a check");

        // Other settings, another model, and images that have changed meanwhile.
        Ran.Retouch(Workbench.With(Mine("min.json", "--shard", "1/3"), "--min", "3")).Good();
        _bench.Refuses([.. merge, Part(0), _bench.Path("min-1-of-3.json"), Part(2)], "another mining");
        string other = _bench.WriteModel("other.safetensors", seed: 1);
        Ran.Retouch(Workbench.With(Mine("other.json", "--shard", "1/3"), "--model", other)).Good();
        _bench.Refuses([.. merge, Part(0), _bench.Path("other-1-of-3.json"), Part(2)], "another mining");
        Ran.Retouch(Workbench.With(Check("model.jsonl", "--shard", "1/3"), "--model", other)).Good();
        _bench.Refuses(
            [
                "merge",
                _bench.Path("all-0-of-3.jsonl"),
                _bench.Path("model-1-of-3.jsonl"),
                "--out",
                _bench.Path("x.jsonl"),
            ],
            "another check"
        );
        Ran.Retouch(Mine("halves.json", "--shard", "1/2")).Good();
        _bench.Refuses([.. merge, Part(0), _bench.Path("halves-1-of-2.json")], "one of 2 parts", "one of 3");
        _bench.WriteImage("photos/ant/more.png", 1);
        Ran.Retouch(Mine("more.json", "--shard", "1/3")).Good();
        _bench.Refuses([.. merge, Part(0), _bench.Path("more-1-of-3.json"), Part(2)], "another mining");

        // A part that was changed.
        JsonObject part = JsonNode.Parse(File.ReadAllText(Part(1)))!.AsObject();
        part["right"] = 10_000;
        File.WriteAllText(_bench.Path("bent.json"), part.ToJsonString());
        _bench.Refuses([.. merge, Part(0), _bench.Path("bent.json"), Part(2)], "numbers do not fit");
        _bench.Refuses([.. merge, _bench.Write("list.json", "[1]")], "not the JSON of a part of a mining", "list.json");
        _bench.Refuses([.. merge, _bench.Path("none.json")], "none.json");
        Assert.False(File.Exists(_bench.Path("x.json")));
        _bench.Write("x.json", "mine");
        _bench.Refuses([.. merge, Part(0), Part(1), Part(2)], "x.json", "--overwrite");
        Assert.Equal("mine", File.ReadAllText(_bench.Path("x.json")));
        Ran.Retouch([.. merge, Part(0), Part(1), Part(2), "--overwrite"]).Good();
    }

    [Fact]
    public void Parts_are_of_labelled_images_and_of_answers_that_are_kept()
    {
        _bench.Refuses(Mine("m.json", "--shard", "auto"), "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX");
        _bench.Refuses(Mine("m.json", "--shard", "3/3"), "--shard", "auto");
        _bench.Refuses(
            [
                "mine",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--stronger",
                _bench.Model,
                "--out",
                _bench.Path("page.html"),
                "--shard",
                "0/2",
            ],
            "--shard",
            "labelled images"
        );
        string[] check = Check("a.jsonl", "--shard", "0/2");
        int output = Array.IndexOf(check, "--out");
        _bench.Refuses([.. check[..output], .. check[(output + 2)..]], "--out");
    }
}
