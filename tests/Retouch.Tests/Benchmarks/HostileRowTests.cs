using System.Text;
using System.Text.Json.Nodes;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Pretraining;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Benchmarks;

/// <summary>
/// Rows, manifests and other JSON of runs with numbers that cannot be: refused where they are read, with the place.
/// </summary>
public sealed class HostileRowTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static string Line(Action<JsonObject>? change = null)
    {
        JsonObject row = JsonNode.Parse(BenchRowFile.Text([BenchSamples.Row(0, "g", true, 0.5, 1)]))!.AsObject();
        change?.Invoke(row);
        return row.ToJsonString();
    }

    [Theory]
    [InlineData("\"seconds\":0.5", "\"seconds\":1e999", "beyond what can be computed with")]
    [InlineData("\"seconds\":0.5", "\"seconds\":-1e999", "beyond what can be computed with")]
    [InlineData("\"seconds\":0.5", "\"seconds\":-3", "seconds are negative")]
    [InlineData("\"generalization\":0.5", "\"generalization\":1e400", "$.generalization")]
    [InlineData("\"generalization\":0.5", "\"generalization\":1.01", "[0,1]")]
    [InlineData("\"generalization\":0.5", "\"generalization\":NaN", "malformed")]
    [InlineData("\"locality\":1", "\"locality\":-0.1", "[0,1]")]
    [InlineData("\"locality\":1", "\"locality\":\"1\"", "$.locality")]
    [InlineData("\"steps\":0", "\"steps\":-1", "negative")]
    [InlineData("\"steps\":0", "\"steps\":99999999999", "$.steps")]
    [InlineData("\"steps\":0", "\"steps\":1.5", "$.steps")]
    [InlineData("\"label\":386", "\"label\":386,\"label\":387", "twice")]
    [InlineData("\"keep\":\"0.05\"", "\"keep\":null", "null")]
    [InlineData("\"others\":4", "\"others\":-4", "negative")]
    [InlineData("\"group\":\"g\",", "", "lacks 'group'")]
    [InlineData("\"group\":\"g\"", "\"group\":\"\\ud800\"", "$.group")]
    public void A_row_that_cannot_be_is_named_with_its_line(string from, string to, string word)
    {
        string line = Line();
        Assert.Contains(from, line, StringComparison.Ordinal);
        string path = _folder.Write(
            "rows.jsonl",
            line + "\n" + line.Replace(from, to, StringComparison.Ordinal) + "\n"
        );
        string message = Assert.Throws<BadInputException>(() => BenchRowFile.Read(path)).Message;
        Assert.StartsWith($"Line 2 of {path}", message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Retouch.", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"fixed\":2", "\"fixed\":-2", "near images")]
    [InlineData("\"fixed\":2", "\"fixed\":6", "near images")]
    [InlineData("\"fixed\":2", "\"fixed\":2147483647", "near images")]
    [InlineData("\"broken\":1", "\"broken\":5", "near images")]
    [InlineData("\"broken\":1,", "", "broken")]
    [InlineData("\"images\":10", "\"images\":3", "near images")]
    [InlineData("\"images\":10", "\"images\":2147483647", "near images")]
    [InlineData("\"images\":10", "\"images\":1e999", "$.near")]
    [InlineData("{\"images\":10", "null,\"x\":{\"images\":10", "$.near")]
    public void Counts_of_near_images_that_cannot_be_are_named(string from, string to, string word)
    {
        BenchRow near = BenchSamples.Row(0, "g", true, 0.5, 1) with
        {
            Near = new Dictionary<string, Flips>
            {
                ["art/dog"] = new(10, 4, 2, 1, 3),
                ["art/cat"] = new(1, 1, 0, 0, 0),
            },
        };
        string line = BenchRowFile.Text([near]).TrimEnd();
        Assert.Contains(from, line, StringComparison.Ordinal);
        BenchRow read = Assert.Single(BenchRowFile.Read(_folder.Write("good.jsonl", line + "\n")));
        Assert.Equal(new Flips(11, 5, 2, 1, 3), read.NearFlips);
        Assert.Equal(line + "\n", BenchRowFile.Text([read]));
        string path = _folder.Write("rows.jsonl", line.Replace(from, to, StringComparison.Ordinal) + "\n");
        string message = Assert.Throws<BadInputException>(() => BenchRowFile.Read(path)).Message;
        Assert.StartsWith($"Line 1 of {path}", message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"changed\":2", "\"changed\":-2")]
    [InlineData("\"changed\":2", "\"changed\":11")]
    [InlineData("\"images\":10", "\"images\":1")]
    public void Counts_of_sensitive_images_that_cannot_be_are_named(string from, string to)
    {
        BenchRow row = BenchSamples.Row(0, "g", true, 0.5, 1) with { Sensitive = new ChangeCount(10, 2) };
        string line = BenchRowFile.Text([row]).TrimEnd();
        Assert.Contains(from, line, StringComparison.Ordinal);
        BenchRow read = Assert.Single(BenchRowFile.Read(_folder.Write("good.jsonl", line + "\n")));
        Assert.Equal(new ChangeCount(10, 2), read.Sensitive);
        string path = _folder.Write("rows.jsonl", line.Replace(from, to, StringComparison.Ordinal) + "\n");
        string message = Assert.Throws<BadInputException>(() => BenchRowFile.Read(path)).Message;
        Assert.Contains("sensitive images cannot be", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_column_of_a_bad_number_is_said()
    {
        string line = Line();
        string bad = line.Replace("\"seconds\":0.5", "\"seconds\":1e999", StringComparison.Ordinal);
        string message = Assert
            .Throws<BadInputException>(() => BenchRowFile.Read(_folder.Write("rows.jsonl", $"{line}\n{line}\n{bad}\n")))
            .Message;
        Assert.Contains(
            $"line 3, column {bad.IndexOf("1e999", StringComparison.Ordinal) + 5}: its part \"$.seconds\"",
            message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Rows_of_any_length_are_read_across_the_buffers_edges()
    {
        StringBuilder text = new();
        BenchRow[] rows =
        [
            .. Enumerable.Range(0, 400).Select(i => BenchSamples.Row(i, new string('g', i * 37 % 5000), true, 0.5, 1)),
        ];
        string path = _folder.Write("rows.jsonl", BenchRowFile.Text(rows) + "{\"torn\":");
        Assert.Equal(rows.Select(r => r.Group), BenchRowFile.Read(path).Select(r => r.Group));
        Assert.Empty(BenchRowFile.Read(_folder.Write("empty.jsonl", "")));
        Assert.Empty(BenchRowFile.Read(_folder.Write("torn.jsonl", "{\"torn\":")));
    }

    [Fact]
    public void A_line_without_an_end_takes_no_more_than_a_row_may()
    {
        string path = _folder.File("rows.jsonl");
        using (FileStream sparse = File.Create(path))
            sparse.SetLength(3L << 30);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(
            "Line 1",
            Assert.Throws<BadInputException>(() => BenchRowFile.Read(path)).Message,
            StringComparison.Ordinal
        );
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Theory]
    [InlineData("\"edits\": 6", "\"edits\": 0", "no edits")]
    [InlineData("\"edits\": 6", "\"edits\": 1e999", "$.edits")]
    [InlineData("\"groups\": 3", "\"groups\": -3", "groups")]
    [InlineData("\"batch\": 12", "\"batch\": -1", "batch")]
    [InlineData("\"seed\": 0", "\"seed\": 0,,", ", column ")]
    [InlineData("\"keep 1\"", "null", "null")]
    public void A_manifest_that_cannot_be_is_named(string from, string to, string word)
    {
        BenchFolder.Prepare(
            _folder.Root,
            new BenchManifest
            {
                Run = "0123456789abcdef",
                Model = BenchSamples.Hash(1),
                Edits = 6,
                Groups = 3,
                LocalityImages = 2,
                SensitiveImages = 1,
                MaxEditsPerGroup = null,
                Batch = 12,
                Seed = 0,
                Settings = ["keep 1"],
            }
        );
        string path = _folder.File(BenchManifest.FileName);
        string text = File.ReadAllText(path);
        Assert.Equal(6, BenchFolder.ReadManifest(_folder.Root).Edits);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        string message = Assert.Throws<BadInputException>(() => BenchFolder.ReadManifest(_folder.Root)).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"within\": 0.5", "\"within\": 1e999")]
    [InlineData("\"within\": 0.5", "\"within\": -0.5")]
    [InlineData("\"keep\": 0.2", "\"keep\": 0")]
    [InlineData("\"groups\": [", "\"groups\": [\"another\",")]
    public void Comparisons_of_masks_that_cannot_be_are_named(string from, string to)
    {
        MaskComparison comparison = new()
        {
            Model = BenchSamples.Hash(1),
            Locator = "gradient",
            Keep = 0.2,
            Seed = 0,
            Specificity = new MaskSpecificity
            {
                Within = 0.5,
                Across = null,
                Groups = ["a"],
                Matrix =
                [
                    [0.5],
                ],
            },
        };
        string path = MaskFile.Add(_folder.Root, comparison);
        string text = File.ReadAllText(path);
        Assert.Single(MaskFile.Read(_folder.Root));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(
            path,
            Assert.Throws<BadInputException>(() => MaskFile.Read(_folder.Root)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Every_JSON_of_people_is_named_with_line_and_column()
    {
        // The same mistake in the third line of each.
        Refuses(p => BenchmarkFile.Load(p));
        Refuses(p => ConfirmedList.Load(p));
        Refuses(p => ClassFolders.Load(p, LabelSet.Numbered(3)));
        Refuses(p => LabelSet.Load(p));
        Refuses(p => PretrainingSettings.Load(p), "{\n\"seed\": 1,\n\"batch\": ?\n}", "line 3, column 10");

        void Refuses(Action<string> load, string text = "{\n\"ä\": 1,\n\"ö\": ?\n}", string place = "line 3, column 6")
        {
            string message = Assert.Throws<BadInputException>(() => load(_folder.Write("x.json", text))).Message;
            Assert.Contains(place, message, StringComparison.Ordinal);
            Assert.Contains("x.json", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_setting_that_a_training_does_not_know_is_named()
    {
        string message = Assert
            .Throws<BadInputException>(() => PretrainingSettings.Load(_folder.Write("s.json", "{\n  \"deth\": 3\n}")))
            .Message;
        Assert.Contains("line 2", message, StringComparison.Ordinal);
        Assert.Contains("\"$.deth\" is not known", message, StringComparison.Ordinal);
        Assert.Contains(
            "finite",
            Assert
                .Throws<BadInputException>(() =>
                    PretrainingSettings.Load(_folder.Write("s.json", "{\"learningRate\": 1e999}"))
                )
                .Message.Replace("above 0", "finite", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
    }
}
