using System.Diagnostics;
using System.Text;
using Retouch.Patches;
using Retouch.Tests.Cli;
using Retouch.Tests.Formats;
using Retouch.Vit;

namespace Retouch.Tests.Patches;

/// <summary>A ledger's file: what is read back, what two branches make of it, and what is refused.</summary>
public sealed class LedgerTests : IDisposable
{
    static readonly DateTimeOffset s_time = new(2026, 11, 29, 8, 0, 0, TimeSpan.Zero);

    static readonly System.Text.Json.JsonSerializerOptions s_indented = new() { WriteIndented = true };

    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_written_is_read_and_reverts_are_entries()
    {
        string path = Begin("ledger.json");
        Add(path, "a", "b", "c");
        LedgerEntry second = Ledger.Open(path).Entries[2];
        byte[] before = File.ReadAllBytes(path);
        Ledger ledger = Ledger.Append(path, "test", _ => [Revert(second.Id)]);

        Assert.Equal(5, ledger.Entries.Count);
        Assert.Equal(
            [
                LedgerEntryKind.Init,
                LedgerEntryKind.Add,
                LedgerEntryKind.Add,
                LedgerEntryKind.Add,
                LedgerEntryKind.Revert,
            ],
            ledger.Entries.Select(e => e.Kind)
        );
        Assert.Equal(Enumerable.Range(0, 5), ledger.Entries.Select(e => e.Number));
        Assert.Equal(["a", "c"], ledger.State.Added.Select(e => e.Patch!.File));
        Assert.Equal(["a", "b"], ledger.At(2).Added.Select(e => e.Patch!.File));
        Assert.Empty(ledger.At(0).Added);
        Assert.Equal(s_time, ledger.Entries[1].Time);
        Assert.Equal("wegen \"ü\" <b> 🙂\nzwei", ledger.Entries[1].Reason);
        Assert.Equal("""{"atMost":[1,2.50e3],"ü":null}""", ledger.Entries[1].Check);
        // Nothing that was there was written differently.
        string[] lines = Lines(before);
        Assert.Equal(lines[..^2], Lines(File.ReadAllBytes(path))[..(lines.Length - 2)]);
        // The same patches have the same digest, whatever was taken back on the way.
        string other = Begin("other.json");
        Add(other, "c");
        Add(other, "a");
        Assert.Equal(ledger.State.Digest, Ledger.Open(other).State.Digest);
        Assert.NotEqual(ledger.History, Ledger.Open(other).History);
    }

    [Fact]
    public void A_model_is_found_in_the_states_that_it_had()
    {
        string path = Begin("ledger.json");
        Add(path, "a", "b", "c");
        Ledger.Append(path, "test", l => [Revert(l.Entries[2].Id)]);
        Ledger ledger = Ledger.Append(path, "test", _ => [Entry("d")]);
        Assert.Equal(2, ledger.Find(In("b", "a"))!.Number);
        Assert.Equal(4, ledger.Find(In("a", "c"))!.Number);
        Assert.Equal(5, ledger.Find(In("a", "c", "d"))!.Number);
        Assert.Null(ledger.Find(In("b", "c")));
        Assert.Null(ledger.Find(In("a", "x")));
        Assert.Null(ledger.Find(In("a", "c") with { Base = Hash("other") }));

        AppliedPatches In(params string[] names) =>
            new(
                _model.Fingerprint,
                Hash("result"),
                [.. names.Select(n => new AppliedPatch(Hash(n), Hash("f" + n), 1, "m", 0, 1))]
            );
    }

    [Fact]
    public void Entries_are_found_by_number_id_and_file()
    {
        string path = Begin("ledger.json");
        Ledger ledger = Add(path, "a", "sub/b");
        Assert.Equal(1, Assert.Single(ledger.Named("1")).Number);
        Assert.Equal(2, Assert.Single(ledger.Named("sub/b")).Number);
        Assert.Equal(2, Assert.Single(ledger.Named(ledger.Entries[2].Id[..8])).Number);
        foreach (string none in (string[])["3", "zzz", "", ledger.Entries[1].Id[..3], new('f', 64)])
            Assert.Contains("has no entry", Refused(() => ledger.Named(none)), StringComparison.Ordinal);
        Assert.Contains("from 0 to 2", Refused(() => ledger.At(3)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_formatter_may_break_its_lines()
    {
        string path = Begin("ledger.json");
        Ledger written = Add(path, "a", "b");
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(path));
        _folder.Write("ledger.json", System.Text.Json.JsonSerializer.Serialize(json.RootElement, s_indented));
        Assert.Equal(written.Entries.Select(e => e.Id), Ledger.Open(path).Entries.Select(e => e.Id));
        Assert.Equal(written.Entries.Select(e => e.Id), Add(path, "c").Entries.Select(e => e.Id).SkipLast(1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_branches_merge_and_the_next_entry_is_made_upon_both(bool union)
    {
        Assert.SkipUnless(Shell.Run("git", "--version") == 0, "there is no git");
        string path = Begin("ledger.json");
        Add(path, "a");
        _folder.Write(".gitattributes", union ? "ledger.json merge=union\n" : "\n");
        Git("init", "-q", "-b", "main");
        Commit();
        Git("checkout", "-q", "-b", "theirs");
        Add(path, "b", "c");
        Commit();
        Git("checkout", "-q", "main");
        Add(path, "d");
        Commit();
        int merged = Git("merge", "-q", "-m", "merge", "theirs");
        if (!union)
        {
            Assert.NotEqual(0, merged);
            Assert.Contains("unfinished merge", Refused(() => Ledger.Open(path)), StringComparison.Ordinal);
            // As the message says.
            string[] kept =
            [
                .. Lines(File.ReadAllBytes(path))
                    .Where(l => !l.StartsWith("<<<<<<<") && !l.StartsWith("=======") && !l.StartsWith(">>>>>>>")),
            ];
            _folder.Write("ledger.json", string.Join('\n', kept));
        }
        Ledger ledger = Ledger.Open(path);
        Assert.Equal(["a", "b", "c", "d"], ledger.State.Added.Select(e => e.Patch!.File).Order());
        Assert.Equal(2, ledger.Heads.Count);
        Ledger next = Add(path, "e");
        Assert.Equal(ledger.Heads, next.Entries[^1].On);
        Assert.Single(next.Heads);
        Assert.Equal(5, next.State.Added.Count);
        // What only one side had cannot be left out of the merge.
        string[] lines = Lines(File.ReadAllBytes(path));
        for (int i = 1; i < 6; i++)
        {
            _folder.Write("cut.json", string.Join('\n', lines.Where((_, l) => l != i)));
            Refused(() => Ledger.Open(_folder.File("cut.json")));
        }

        int Git(params string[] args) => Shell.Run("git", ["-C", _folder.Root, .. args]);

        void Commit()
        {
            Assert.Equal(0, Git("add", "-A"));
            Assert.Equal(0, Git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "m"));
        }
    }

    [Fact]
    public void A_line_that_both_sides_of_a_merge_kept_counts_once()
    {
        string path = Begin("ledger.json");
        Ledger ledger = Add(path, "a", "b");
        string[] lines = Lines(File.ReadAllBytes(path));
        _folder.Write("ledger.json", string.Join('\n', [.. lines[..3], lines[1], .. lines[2..]]));
        Assert.Equal(ledger.Entries.Select(e => e.Id), Ledger.Open(path).Entries.Select(e => e.Id));
    }

    [Fact]
    public void A_cut_ledger_is_refused_wherever_it_is_cut()
    {
        string path = Begin("ledger.json");
        Add(path, "a", "b", "c");
        byte[] whole = File.ReadAllBytes(path);
        // The last byte is a line's end.
        for (int length = 0; length < whole.Length - 1; length += 7)
        {
            _folder.Write("ledger.json", whole[..length]);
            Refused(() => Ledger.Open(path));
            Refused(() => Add(path, "x"));
            Assert.Equal(length, new FileInfo(path).Length);
        }
        // Whole lines: any one, and all from one on.
        string[] lines = Lines(whole);
        Assert.Equal(6, lines.Length);
        for (int i = 0; i < 5; i++)
        {
            _folder.Write("ledger.json", string.Join('\n', lines.Where((_, l) => l != i)));
            Refused(() => Ledger.Open(path));
            _folder.Write("ledger.json", string.Join('\n', [.. lines[..i], "]"]));
            Refused(() => Ledger.Open(path));
        }
    }

    [Fact]
    public void Forged_ledgers_are_refused_and_what_is_wrong_is_said()
    {
        string path = Begin("ledger.json");
        Ledger ledger = Add(path, "a", "b");
        string text = File.ReadAllText(path);
        string[] lines = Lines(File.ReadAllBytes(path));
        string first = ledger.Entries[1].Id;
        string second = ledger.Entries[2].Id;

        // Another word, another hash, another order.
        Says(text.Replace("zwei", "drei", StringComparison.Ordinal), "is not what it was");
        Says(text.Replace(Hash("a"), Hash("x"), StringComparison.Ordinal), "is not what it was");
        Says(text.Replace(first, second, StringComparison.Ordinal), "is not what it was");
        Says(string.Join('\n', [lines[0], lines[2], lines[1], .. lines[3..]]), "which is not before it");
        Says(string.Join('\n', ["[" + lines[1][1..], .. lines[2..]]), "does not begin with its model");
        // An entry in a circle cannot have a right hash, and is refused for its place before that matters.
        Says(Forged(Entry("a") with { On = [second] }), "which is not before it");
        Says(Forged(Entry("a"), upon: false), "made upon nothing");
        Says(Forged(ledger.Entries[0] with { Reason = "again" }, upon: false), "begins it anew");
        Says(Forged(Revert(ledger.Entries[0].Id)), "which added no patch");
        Says(Forged(Revert(Hash("nothing"))), "which added no patch");
        // Hashes that are right of contents that cannot be.
        foreach (
            string file in (string[])
                [
                    "../a",
                    "/etc/passwd",
                    "a/../../b",
                    "C:\\a",
                    "..\\a",
                    "a:b",
                    "",
                    ".",
                    "..",
                    "a//b",
                    "a/",
                    "a\nb",
                    "a/.. /b",
                ]
        )
            Says(
                Forged(Entry("a") with { Patch = Patch("a") with { File = file } }),
                "not a file in the ledger's folder"
            );
        Says(Forged(Entry("a") with { Patch = Patch("a") with { Sha256 = "12" } }), "not a SHA-256");
        Says(Forged(Entry("a") with { Patch = Patch("a") with { Bytes = -1 } }), "is damaged");
        Says(Forged(Entry("a") with { Reason = new string('x', 20_000) }), "longer than");
        Says(Forged(Entry("a") with { Images = [new LedgerImage(Hash("i"), "n", -1, null, false)] }), "is damaged");
        // No ledgers at all.
        Says("", "is damaged");
        Says("{}", "is not a ledger");
        Says("[]", "it has no entry");
        Says("[1]", "is no entry");
        Says("[{}]", "lacks id");
        Says("[null]", "is no entry");
        Says(new string('[', 100_000), "is no entry");
        Says("[{\"id\":" + new string('[', 100_000), "is damaged");
        Says(
            "[" + lines[0][1..].Replace("\"version\":1", "\"version\":1,\"version\":1", StringComparison.Ordinal) + "]",
            "is damaged"
        );
        Says(text + "x", "is damaged");
        Says("[{\"id\":\"\\ud800\"}]", "is damaged");

        // An entry after the others; one that names the second comes before that.
        string Forged(LedgerEntry entry, bool upon = true)
        {
            bool early = entry.On.Contains(second);
            LedgerEntry placed = upon && !early ? entry with { On = [second] } : entry;
            (string id, byte[] line) = LedgerText.Line(placed);
            return Encoding.UTF8.GetString(
                early
                    ? LedgerText.Whole([.. Raw(lines[..2]), line, .. Raw(lines[2..3])], [second, id])
                    : LedgerText.Whole([.. Raw(lines[..3]), line], [id])
            );
        }

        void Says(string forged, string what)
        {
            _folder.Write("ledger.json", forged);
            Assert.Contains(what, Refused(() => Ledger.Open(path)), StringComparison.Ordinal);
            Refused(() => Add(path, "x"));
            Assert.Equal(forged, File.ReadAllText(path));
        }
    }

    [Fact]
    public void A_million_entries_are_refused_in_little_time_and_memory()
    {
        string path = Begin("ledger.json");
        Ledger.Open(path);
        (string id, byte[] first) = LedgerText.Line(Ledger.Open(path).Entries[0]);
        // Right ones: more than are read, in a file that is small enough to be begun with, and in one that is not.
        List<byte[]> lines = [first];
        for (int i = 0; i < LedgerText.MostEntries; i++)
        {
            (id, byte[] line) = LedgerText.Line(Revert() with { On = [id], Reason = $"{i}" });
            lines.Add(line);
        }
        File.WriteAllBytes(path, LedgerText.Whole(lines, [id]));
        Assert.InRange(new FileInfo(path).Length, 1 << 20, LedgerText.MostBytes);
        Bounded("has more than 100000 entries", 1024);
        using (FileStream file = File.OpenWrite(path))
        {
            byte[] line = [.. ",\n"u8, .. lines[1]];
            file.Write("["u8);
            file.Write(first);
            for (int i = 0; i < 1_000_000; i++)
                file.Write(line);
        }
        Bounded("at most", 16);
        // Wrong ones, of which a million fit.
        File.WriteAllText(path, "[" + string.Join(",\n", Enumerable.Repeat("{}", 1_000_000)) + "]");
        Bounded("lacks id", 64);

        void Bounded(string says, int mebibytes)
        {
            GC.Collect();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Stopwatch time = Stopwatch.StartNew();
            Assert.Contains(says, Refused(() => Ledger.Open(path)), StringComparison.Ordinal);
            // A bound on what was asked for at all, collected or not.
            Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) >> 20, 0, mebibytes);
            Assert.InRange(time.Elapsed, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        }
    }

    [Theory]
    [InlineData("author")]
    [InlineData("reason")]
    public void Who_and_why_are_told(string what)
    {
        string path = Begin("ledger.json");
        foreach (string text in (string[])["", "  ", new string('x', 20_000), "a\0b"])
        {
            string said = Refused(() =>
                Ledger.Append(
                    path,
                    "test",
                    _ => [what == "author" ? Entry("a") with { Author = text } : Entry("a") with { Reason = text }]
                )
            );
            Assert.Contains(what, said, StringComparison.Ordinal);
        }
        Assert.Single(Ledger.Open(path).Entries);
        Assert.Contains("begun once", Refused(() => Begin("ledger.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_who_add_at_once_all_land()
    {
        string path = Begin("ledger.json");
        Parallel.For(0, 12, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => Add(path, $"p{i}"));
        Ledger ledger = Ledger.Open(path);
        Assert.Equal(12, ledger.State.Added.Count);
        Assert.Single(ledger.Heads);
        Assert.Equal(["ledger.json"], _folder.Names());
    }

    [Fact]
    public void A_patch_that_two_branches_added_counts_once()
    {
        string path = Begin("ledger.json");
        Ledger.Append(path, "test", _ => [Entry("a"), Entry("a") with { Reason = "also" }]);
        Assert.Single(Ledger.Open(path).State.Added);
        Assert.Equal(2, Ledger.Open(path).Named("a").Count);
    }

    static string[] Lines(byte[] text) =>
        Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    static IEnumerable<byte[]> Raw(string[] lines) => lines.Select(l => Encoding.UTF8.GetBytes(l[1..]));

    static string Refused(Action action) => Assert.Throws<BadInputException>(action).Message;

    static string Refused(Func<object> action) =>
        Refused(() =>
        {
            action();
        });

    static string Hash(string text) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    static LedgerPatch Patch(string name) => new(name, Hash("f" + name), 100, Hash(name), "gate");

    static LedgerEntry Entry(string name) =>
        new()
        {
            Kind = LedgerEntryKind.Add,
            Author = "Ann <ann@example.org>",
            Time = s_time,
            Reason = "wegen \"ü\" <b> 🙂\nzwei",
            Patch = Patch(name),
            Images = [new LedgerImage(Hash("image"), "bild.png", 3, "tench, Tinca tinca", true)],
            Check = """{"atMost": [1, 2.50e3], "\u00fc": null}""",
        };

    static LedgerEntry Revert(params string[] ids) =>
        new()
        {
            Kind = LedgerEntryKind.Revert,
            Author = "Bob",
            Time = s_time,
            Reason = "it broke others",
            Reverts = ids,
        };

    string Begin(string name)
    {
        Ledger.Begin(_folder.File(name), _model, "Ann", "a model", s_time);
        return _folder.File(name);
    }

    static Ledger Add(string path, params string[] names) => Ledger.Append(path, "test", _ => [.. names.Select(Entry)]);
}
