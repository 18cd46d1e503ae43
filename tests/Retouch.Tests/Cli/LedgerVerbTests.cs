using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Xml.Linq;
using Retouch.Patches;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>The <c>ledger</c> verbs: a history that builds, verifies, survives kills and tells who did what.</summary>
public sealed class LedgerVerbTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Three_patches_the_second_taken_back_and_what_a_fourth_breaks()
    {
        string[] patches = Patches(3);
        Init();
        Ledger("add", patches[0], "--keep-images");
        Ledger("add", patches[1], "--keep-images");
        Ledger("add", patches[2], "--keep-images");
        Ran reverted = Ledger("revert", patches[1]);
        Assert.Contains("p2 (entry 2)", reverted.Out, StringComparison.Ordinal);
        Build("built");
        Ran.Retouch(
                "apply",
                "--model",
                _bench.Model,
                "--patch",
                patches[2],
                patches[0],
                "--out",
                _bench.Path("applied")
            )
            .Good();
        Assert.Equal(Hash("applied"), Hash("built"));
        // Any earlier state, too.
        Build("earlier", "--at", "2");
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", patches[0], patches[1], "--out", _bench.Path("two"))
            .Good();
        Assert.Equal(Hash("two"), Hash("earlier"));
        Build("nothing", "--at", "0");
        Verify("--built", _bench.Path("built")).Good();
        Verify("--at", "2", "--built", _bench.Path("earlier")).Good();
        Assert.Contains("is of another state", Verify("--built", _bench.Path("earlier")).Err, StringComparison.Ordinal);

        // What is in a model, and since when.
        JsonElement list = Ran.Retouch(
                "ledger",
                "list",
                "--model",
                _bench.Path("earlier"),
                "--ledger",
                LedgerPath,
                "--json"
            )
            .Good()
            .Objects[0];
        Assert.Equal(2, list.GetProperty("at").GetInt32());
        Assert.Equal(
            Ledger("list", "--json").Objects[0].GetProperty("digest").GetString(),
            Ran.Retouch("ledger", "list", "--model", _bench.Path("built"), "--json")
                .Good()
                .Objects[0]
                .GetProperty("edits")[0]
                .GetProperty("digest")
                .GetString()
        );

        // The images are found in the ledger's own folder, wherever they were.
        foreach (string image in Directory.EnumerateFiles(_bench.Root, "i*.png"))
            File.Delete(image);
        Verify().Good();
        // A patch that undoes the third, and was made from no image.
        string against = Save("against", Opposite(patches[2]));
        Ledger("add", against);
        Ran broken = Verify();
        Assert.Equal(1, broken.Code);
        Assert.Contains("BROKEN", broken.Out, StringComparison.Ordinal);
        Assert.Contains("(entry 3, p3)", broken.Out, StringComparison.Ordinal);
        Assert.Contains(
            "1 of 2 promised images are right, 1 broken, 0 not asked",
            broken.Out,
            StringComparison.Ordinal
        );
        JsonElement json = Verify("--json").Objects[0];
        Assert.Equal(
            (1, 1, 0),
            (
                json.GetProperty("right").GetInt32(),
                json.GetProperty("broken").GetInt32(),
                json.GetProperty("missing").GetInt32()
            )
        );
        Verify("--at", "4").Good();
        Ledger("revert", "5");
        Verify().Good();
    }

    [Fact]
    public void What_was_added_is_told_and_refused_twice()
    {
        string[] patches = Patches(2);
        Init();
        string criteria = _bench.Write("criteria.json", """{"atMostBroken": 3}""");
        string check = _bench.Write("check.json", """{"broken": 1, "passed": true}""");
        Ledger("add", patches[0], "--criteria", criteria, "--check", check);
        JsonElement entry = Ledger("show", "1", "--json").Objects[0];
        Assert.Equal("Ann <ann@example.org>", entry.GetProperty("author").GetString());
        Assert.Equal("because", entry.GetProperty("reason").GetString());
        Assert.Equal(3, entry.GetProperty("criteria").GetProperty("atMostBroken").GetInt32());
        Assert.True(entry.GetProperty("check").GetProperty("passed").GetBoolean());
        Assert.Equal("i1.png", entry.GetProperty("images")[0].GetProperty("name").GetString());
        Assert.InRange(
            DateTimeOffset.UtcNow - entry.GetProperty("time").GetDateTimeOffset(),
            TimeSpan.FromMinutes(-1),
            TimeSpan.FromHours(1)
        );
        Assert.Contains("criteria", Ledger("show", "p1").Out, StringComparison.Ordinal);

        _bench.Refuses(Args("add", patches[0]), patches[0], "already", "entry 1 (p1)");
        File.Copy(patches[0], _bench.Path("renamed"));
        _bench.Refuses(Args("add", _bench.Path("renamed")), "renamed", "already", "entry 1 (p1)");
        _bench.Refuses(Args("add", patches[1], patches[1]), patches[1], "already");
        _bench.Refuses(Args("add", _bench.Image), "image.png");
        _bench.Refuses(Args("add", patches[1], "--check", _bench.Image), "no JSON");
        _bench.Refuses(Args("revert", "0"), "added no patch");
        _bench.Refuses(Args("revert", "p2"), "has no entry");
        _bench.Refuses(
            Args("build", "--model", _bench.WriteModel("other", 9), "--out", _bench.Path("m")),
            "give the unedited"
        );
        _bench.Refuses(["ledger"], "init, add, list, show, revert, build, verify, diff, report");
        _bench.Refuses(["ledger", "list", "--ledger", _bench.Path("none.json")], "none.json");
        Ledger("revert", "1");
        _bench.Refuses(Args("revert", "1"), "was taken back by entry 2");
        // And it may be added again, with all that was before kept.
        Ledger("add", patches[0]);
        Assert.Equal(4, Ledger("list", "--json").Objects[0].GetProperty("entries").GetArrayLength());
    }

    [Fact]
    public void Patches_come_into_the_ledgers_folder_and_are_what_was_added()
    {
        Directory.CreateDirectory(_bench.Path("there"));
        string patch = Patches(1)[0];
        string ledger = _bench.Path("there/ledger.json");
        string[] who = ["--author", "Ann", "--reason", "because", "--ledger", ledger];
        Ran.Retouch(["ledger", "init", "--model", _bench.Model, .. who]).Good();
        Ran.Retouch(["ledger", "add", patch, .. who]).Good();
        Assert.Equal(File.ReadAllBytes(patch), File.ReadAllBytes(_bench.Path("there/p1")));
        string[] build = ["ledger", "build", "--model", _bench.Model, "--ledger", ledger, "--out", _bench.Path("m")];
        Ran.Retouch(build).Good();
        File.Delete(_bench.Path("m"));

        byte[] bytes = File.ReadAllBytes(_bench.Path("there/p1"));
        bytes[^1] ^= 1;
        _bench.Write("there/p1", bytes);
        _bench.Refuses(build, "is not the patch that entry 1", "SHA-256");
        File.Delete(_bench.Path("there/p1"));
        _bench.Refuses(build, "Entry 1", "is not there");
        // Another file of that name is not replaced.
        _bench.Write("there/p1", "mine");
        Ran.Retouch(["ledger", "revert", "1", .. who]).Good();
        _bench.Refuses(["ledger", "add", patch, .. who], "rename it");
    }

    [Fact]
    public void A_patch_that_was_copied_keeps_the_way_to_its_images()
    {
        string patch = Patches(1)[0];
        Directory.CreateDirectory(_bench.Path("there"));
        string ledger = _bench.Path("there/ledger.json");
        string[] who = ["--author", "Ann", "--reason", "because", "--ledger", ledger];
        string[] verify = ["ledger", "verify", "--model", _bench.Model, "--ledger", ledger];
        Ran.Retouch(["ledger", "init", "--model", _bench.Model, .. who]).Good();
        Ran.Retouch(["ledger", "add", patch, .. who]).Good();
        Assert.Equal("../p1", Retouch.Patches.Ledger.Open(ledger).Entries[1].Patch!.From);
        // The images are where they were; of the patch the copy is enough.
        File.Delete(patch);
        Assert.Contains("1 of 1 promised images are right", Ran.Retouch(verify).Good().Out, StringComparison.Ordinal);
        // The copy itself taken back and added again is the same copy.
        Ran.Retouch(["ledger", "revert", "1", .. who]).Good();
        Ran.Retouch(["ledger", "add", _bench.Path("there/p1"), .. who]).Good();
        Ran.Retouch(verify).Good();

        // Another image at that place is none of the promised, and all of it together may move.
        File.Copy(_bench.Path("i1.png"), _bench.Path("there/i1.png"));
        _bench.WriteImage("i1.png", 99);
        Ran.Retouch(verify).Good();
        File.Delete(_bench.Path("there/i1.png"));
        Ran other = Ran.Retouch(verify);
        Assert.Equal(2, other.Code);
        Assert.Contains("is another image now", other.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_is_not_found_is_no_promise_kept()
    {
        string patch = Patches(1)[0];
        Init();
        Ledger("add", patch);
        File.Move(_bench.Path("i1.png"), _bench.Path("locality/elsewhere.png"));
        Ran missing = Verify();
        Assert.Equal(2, missing.Code);
        Assert.Contains("NOT ASKED  i1.png: not found (entry 1, p1)", missing.Out, StringComparison.Ordinal);
        Verify("--images", _bench.Locality).Good();
        File.Delete(_bench.Path("locality/elsewhere.png"));
        Ledger("revert", "1");
        _bench.Refuses(Args("add", patch, "--keep-images"), "i1.png", "--images");
        // Nothing promised is nothing broken.
        Verify().Good();
    }

    [Fact]
    public void Of_many_promises_some_are_shown()
    {
        string many;
        using (DisposeScope scope = NewDisposeScope())
        using (Patch one = PatchFile.Load(Patches(1)[0]))
            many = Save(
                "many",
                new Patch(
                    new WeightDelta(one.Delta.Units, [.. one.Delta.Rows.Select(r => r.clone())]),
                    one.Provenance with
                    {
                        Images = [.. Enumerable.Repeat(one.Provenance.Images[0], 25)],
                    }
                )
            );
        Init();
        Ledger("add", many);
        string shown = Ledger("show", "1").Out;
        Assert.Equal(20, shown.Split("  promises  i1.png").Length - 1);
        Assert.Contains("and 5 more, which --json shows", shown, StringComparison.Ordinal);
        File.Delete(_bench.Path("i1.png"));
        string missing = Verify().Out;
        Assert.Equal(20, missing.Split("  NOT ASKED  i1.png").Length - 1);
        Assert.Contains("and 5 more not asked, which --json shows", missing, StringComparison.Ordinal);
        Assert.Contains("0 of 25 promised images are right, 0 broken, 25 not asked", missing, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_ledgers_are_compared()
    {
        string[] patches = Patches(2);
        Init();
        Ledger("add", patches[0]);
        File.Copy(LedgerPath, _bench.Path("other.json"));
        Ledger("add", patches[1]);
        Ran diff = Ran.Retouch("ledger", "diff", LedgerPath, _bench.Path("other.json")).Good();
        Assert.Contains("only in", diff.Out, StringComparison.Ordinal);
        Assert.Contains("alone has p2 in it", diff.Out, StringComparison.Ordinal);
        JsonElement json = Ran.Retouch("ledger", "diff", LedgerPath, _bench.Path("other.json"), "--json")
            .Good()
            .Objects[0];
        Assert.Equal(1, json.GetProperty("onlyInFirst").GetArrayLength());
        Assert.Equal(0, json.GetProperty("onlyInSecond").GetArrayLength());
        Assert.Contains(
            "both build the same model",
            Ran.Retouch("ledger", "diff", LedgerPath, LedgerPath).Good().Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_report_is_one_page_and_escapes_what_people_wrote()
    {
        string[] patches = Patches(2);
        Init();
        string evil = "</title><script>alert(1)</script> | a ` * _ & \"q\"";
        string check = _bench.Write("check.json", """{"<b>": {"flips": [1,2,3]}, "many": [1,2,3,4,5,6,7,8,9]}""");
        Ran.Retouch(
                "ledger",
                "add",
                patches[0],
                "--ledger",
                LedgerPath,
                "--author",
                evil,
                "--reason",
                evil,
                "--check",
                check,
                "--criteria",
                check,
                "--keep-images"
            )
            .Good();
        Ledger("add", patches[1]);
        Ledger("revert", "2");
        string page = _bench.Path("report.html");
        string[] report =
        [
            "ledger",
            "report",
            "--ledger",
            LedgerPath,
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
        ];
        Ran.Retouch([.. report, "--out", page]).Good();
        string html = File.ReadAllText(page);
        XDocument.Parse(html.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", html, StringComparison.Ordinal);
        foreach (
            string says in (string[])
                [
                    "Why",
                    "What changed",
                    "On what evidence",
                    "What else changed",
                    "Against which criteria",
                    "How to take it back",
                    "Approved by",
                    "1 of 1 right",
                    "Taken back by",
                    "retouch ledger revert 1",
                    "data:image/jpeg;base64,",
                    "&lt;b&gt; · flips",
                    "9 entries",
                ]
        )
            Assert.Contains(says, html, StringComparison.Ordinal);
        _bench.Refuses([.. report, "--out", page], "exists", "--overwrite");

        string markdown = Ran.Retouch([.. report, "--markdown"]).Good().Out;
        Assert.StartsWith("## Edits\n", markdown, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", markdown, StringComparison.Ordinal);
        string[] rows = [.. Ran.Lines(markdown).Where(l => l.StartsWith('|'))];
        Assert.Equal(4, rows.Length);
        Assert.All(rows, r => Assert.Equal(9, r.Replace("\\|", "", StringComparison.Ordinal).Count(c => c == '|')));
        // Without the model, and before anything was changed.
        Ran.Retouch("ledger", "report", "--ledger", LedgerPath, "--at", "0").Good();
        Ran.Retouch("ledger", "report", "--ledger", LedgerPath, "--markdown", "--at", "0").Good();
    }

    [Fact]
    public void The_author_is_who_gits_config_says()
    {
        Assert.SkipUnless(Shell.Run("git", "--version") == 0, "there is no git");
        Shell.Run("git", "-C", _bench.Root, "init", "-q");
        Shell.Run("git", "-C", _bench.Root, "config", "user.name", "Gi Tter");
        Shell.Run("git", "-C", _bench.Root, "config", "user.email", "gi@example.org");
        Ran.Retouch("ledger", "init", "--model", _bench.Model, "--ledger", LedgerPath, "--reason", "r").Good();
        Assert.Equal(
            "Gi Tter <gi@example.org>",
            Ledger("show", "0", "--json").Objects[0].GetProperty("author").GetString()
        );
    }

    [Fact]
    public void Two_processes_that_add_at_once_both_land()
    {
        string[] patches = Patches(2);
        Init();
        Process[] adding = [.. patches.Select(p => Child.Start(Args("add", p)))];
        foreach (Process process in adding)
        {
            Assert.True(process.WaitForExit(120_000));
            Assert.Equal(0, process.ExitCode);
            process.Dispose();
        }
        JsonElement list = Ledger("list", "--json").Objects[0];
        Assert.Equal(3, list.GetProperty("entries").GetArrayLength());
        Assert.Single(list.GetProperty("heads").EnumerateArray());
    }

    /// <summary>RETOUCH_KILLS says how often; by hand 40.</summary>
    [Fact]
    public void A_kill_at_any_moment_leaves_the_old_ledger_or_the_new_one()
    {
        int kills = int.TryParse(
            Environment.GetEnvironmentVariable("RETOUCH_KILLS"),
            CultureInfo.InvariantCulture,
            out int n
        )
            ? n
            : 6;
        string[] patches = Patches(2);
        Init();
        Ledger("add", patches[0]);
        byte[] before = File.ReadAllBytes(LedgerPath);
        Build("whole");
        string whole = Hash("whole");
        Stopwatch time = Stopwatch.StartNew();
        using (Process once = Child.Start(Args("add", patches[1])))
            once.WaitForExit();
        double usual = time.Elapsed.TotalMilliseconds;
        Random random = new(7);
        (int old, int changed) = (0, 0);
        for (int i = 0; i < kills; i++)
        {
            File.WriteAllBytes(LedgerPath, before);
            File.Delete(_bench.Path("built"));
            string[] args = (i % 3) switch
            {
                0 => Args("add", patches[1], "--keep-images"),
                1 => Args("revert", "1"),
                _ => Args("build", "--model", _bench.Model, "--out", _bench.Path("built")),
            };
            using (Process process = Child.Start(args))
            {
                Thread.Sleep((int)(usual * (0.3 + 0.8 * random.NextDouble())));
                process.Kill();
                process.WaitForExit();
            }
            if (File.ReadAllBytes(LedgerPath).SequenceEqual(before))
                old++;
            else
            {
                Assert.Equal(3, Retouch.Patches.Ledger.Open(LedgerPath).Entries.Count);
                changed++;
            }
            Assert.True(!File.Exists(_bench.Path("built")) || Hash("built") == whole);
            // And whoever comes next is not kept out.
            if (i == kills - 1)
            {
                File.WriteAllBytes(LedgerPath, before);
                Ledger("add", patches[1], "--keep-images");
                Verify().Good();
                Assert.Empty(Directory.EnumerateFiles(_bench.Root, ".retouch-*"));
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{kills} kills: {old} left the old ledger, {changed} the new one"
        );
    }

    [Fact]
    public void Stopped_before_each_step_that_others_see_it_is_old_or_new()
    {
        string patch = Patches(1)[0];
        Init();
        byte[] before = File.ReadAllBytes(LedgerPath);
        for (int step = 0; ; step++)
        {
            File.WriteAllBytes(LedgerPath, before);
            int left = step;
            Retouch.Formats.AtomicFile.BeforeStep.Value = path =>
            {
                if (Interlocked.Decrement(ref left) < 0)
                    throw new InvalidTimeZoneException($"killed before {path}");
            };
            try
            {
                Ran ran = Ran.Retouch(Args("add", patch, "--keep-images"));
                if (left >= 0)
                {
                    ran.Good();
                    Assert.InRange(step, 1, 10);
                    break;
                }
                Assert.Equal(before, File.ReadAllBytes(LedgerPath));
            }
            finally
            {
                Retouch.Formats.AtomicFile.BeforeStep.Value = null;
            }
        }
        Assert.Equal(2, Retouch.Patches.Ledger.Open(LedgerPath).Entries.Count);
    }

    string LedgerPath => _bench.Path("ledger.json");

    string[] Args(string verb, params string[] more) =>
        [
            "ledger",
            verb,
            .. more,
            "--ledger",
            LedgerPath,
            .. verb is "add" or "revert" or "init"
                ? (string[])["--author", "Ann <ann@example.org>", "--reason", "because"]
                : [],
        ];

    Ran Ledger(string verb, params string[] more) => Ran.Retouch(Args(verb, more)).Good();

    void Init() => Ledger("init", "--model", _bench.Model);

    void Build(string name, params string[] more) =>
        Ledger("build", ["--model", _bench.Model, "--out", _bench.Path(name), .. more]);

    Ran Verify(params string[] more) => Ran.Retouch(Args("verify", ["--model", _bench.Model, .. more]));

    string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_bench.Path(name))));

    // Each corrects an image of its own.
    string[] Patches(int count) =>
        [
            .. Enumerable
                .Range(1, count)
                .Select(i =>
                {
                    string image = _bench.WriteImage($"i{i}.png", 30 + i);
                    string[] edit = Workbench.With(
                        _bench.Edit(_bench.Path($"p{i}"), "--labels", _bench.Labels),
                        "--image",
                        image
                    );
                    Ran.Retouch(Workbench.With(edit, "--label", _bench.WrongLabel(image))).Good();
                    return _bench.Path($"p{i}");
                }),
        ];

    static Patch Opposite(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using Patch patch = PatchFile.Load(path);
        return new Patch(
            new WeightDelta(patch.Delta.Units, [.. patch.Delta.Rows.Select(r => r.neg())]),
            patch.Provenance with
            {
                Images = [],
            }
        );
    }

    string Save(string name, Patch patch)
    {
        using (patch)
            PatchFile.Save(patch, _bench.Path(name), overwrite: true);
        return _bench.Path(name);
    }
}
