using System.Text.Json.Nodes;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Benchmarks;

public sealed class BenchmarkFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    string Saved()
    {
        BenchmarkFile.Save(BenchSamples.Benchmark(), _folder.File("b.json"), overwrite: true);
        return _folder.File("b.json");
    }

    [Fact]
    public void What_is_saved_is_loaded_again_and_saved_to_the_same_bytes()
    {
        byte[] bytes = File.ReadAllBytes(Saved());
        Benchmark read = BenchmarkFile.Load(_folder.File("b.json"));
        BenchmarkFile.Save(read, _folder.File("again.json"), overwrite: false);
        Assert.Equal(bytes, File.ReadAllBytes(_folder.File("again.json")));
        Assert.Equal(
            ["art_painting/elephant→51", "art_painting/elephant→917", "art_painting/elephant→611"],
            read.Groups.Select(g => g.Name)
        );
        Assert.Equal((386, 2, 5), (read.Groups[0].Label, read.Groups[0].Accepted.Count, read.Groups[1].Images.Count));
        Assert.Equal(BenchSamples.Image(4), read.Groups[1].Images[0]);
        Assert.Equal(BenchSamples.Benchmark().Locality, read.Locality);
    }

    [Fact]
    public void Sensitive_is_what_lies_below_the_margin()
    {
        Assert.Equal([1], BenchSamples.Benchmark().Sensitive);
        Assert.Equal([1, 2], (BenchSamples.Benchmark() with { SensitiveMargin = 0.06 }).Sensitive);
    }

    [Fact]
    public void An_existing_file_is_replaced_only_on_request()
    {
        string path = Saved();
        Assert.Contains(
            "exists",
            Assert
                .Throws<BadInputException>(() => BenchmarkFile.Save(BenchSamples.Benchmark(), path, overwrite: false))
                .Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../outside.jpg")]
    [InlineData("a/../../outside.jpg")]
    [InlineData("a/.. /b.jpg")]
    [InlineData("..")]
    [InlineData("a//b.jpg")]
    [InlineData("./a.jpg")]
    [InlineData("a/")]
    [InlineData("")]
    [InlineData("C:/a.jpg")]
    [InlineData("C:a.jpg")]
    [InlineData(@"..\a.jpg")]
    [InlineData(@"\\server\share\a.jpg")]
    [InlineData("a\0.jpg")]
    [InlineData("a\n.jpg")]
    public void A_path_that_leaves_the_folder_is_refused(string path)
    {
        Refuses(b => b["groups"]![1]!["images"]![2]!["path"] = path, "below a folder", "group 1");
        Refuses(b => b["locality"]![0]!["path"] = path, "below a folder", "locality");
        Benchmark benchmark = BenchSamples.Benchmark() with { Locality = [new(path, BenchSamples.Hash(1), 0)] };
        Assert.Throws<BadInputException>(() => BenchmarkFile.Save(benchmark, _folder.File("x.json"), overwrite: false));
        Assert.False(File.Exists(_folder.File("x.json")));
    }

    [Fact]
    public void What_makes_no_benchmark_is_refused_with_its_reason()
    {
        Refuses(b => b["format"] = "retouch-patch", "not a benchmark");
        Refuses(b => b.Remove("format"), "not a benchmark");
        Refuses(b => b["version"] = 2, "version \"2\"", "reads version 1");
        Refuses(b => b["version"] = "1", "reads version 1");
        Refuses(b => b.Remove("version"), "reads version 1");
        Refuses(b => b["model"] = "abc", "fingerprint");
        Refuses(b => b["model"] = null, "model");
        Refuses(b => b["groups"] = 3, "groups");
        Refuses(b => b["groups"]![0] = null, "group 0");
        Refuses(b => b["groups"]![0]!["images"]!.AsArray().RemoveRange(0, 3), "group 0 has 0 images");
        Refuses(b => b["groups"]![0]!["images"]![0] = null, "null");
        Refuses(b => b["groups"]![0]!["images"]![0]!["path"] = null, "path");
        Refuses(b => b["groups"]![0]!["images"]![0]!["sha256"] = "ABC", "not a SHA-256");
        Refuses(b => b["groups"]![0]!["images"]![0]!["sha256"] = BenchSamples.Hash(1) + "\n", "not a SHA-256");
        Refuses(b => b["groups"]![0]!["images"]![0]!["path"] = "elephant/pic_002.jpg", "twice");
        Refuses(b => b["groups"]![0]!["accepted"] = new JsonArray(), "accepted");
        Refuses(b => b["groups"]![0]!["accepted"] = new JsonArray(-1), "accepted");
        Refuses(b => b["groups"]![0]!["accepted"] = new JsonArray(3, 3), "accepted");
        Refuses(b => b["groups"]![0]!["accepted"] = new JsonArray(99999999999), "accepted");
        Refuses(b => b["groups"]![0]!["wrong"] = 386, "group 0");
        Refuses(b => b["groups"]![0]!["wrong"] = -5, "group 0");
        Refuses(b => b["groups"]![0]!["class"] = "../x", "plain name");
        Refuses(b => b["groups"]![0]!["source"] = " ", "plain name");
        Refuses(b => b["groups"]![0]!["wrong"] = 917, "two groups");
        Refuses(b => b["sensitiveMargin"] = 1.5, "margin");
        Refuses(b => b["locality"]![0]!["margin"] = -0.1, "margin");
        Refuses(b => b["locality"]![0]!["margin"] = "NaN", "margin");
        Refuses(b => b["locality"]![0] = null, "null");
        Refuses(b => b.Remove("locality"), "not the JSON of a benchmark");
    }

    [Fact]
    public void What_is_no_json_is_refused()
    {
        foreach (
            string text in (string[])
                ["", "{", "[]", "3", "null", "{\"format\": \"\\ud800\"}", new string('[', 10_000), "\0\0\0"]
        )
            Assert.Contains(
                "x.json",
                Assert.Throws<BadInputException>(() => BenchmarkFile.Load(_folder.Write("x.json", text))).Message,
                StringComparison.Ordinal
            );
        Assert.Throws<BadInputException>(() => BenchmarkFile.Load(_folder.File("missing.json")));
        Assert.Throws<BadInputException>(() => BenchmarkFile.Load(_folder.Root));
    }

    [Fact]
    public void Images_are_found_by_their_hash_in_whichever_folder_holds_them()
    {
        foreach (string root in (string[])["photo", "art"])
            Directory.CreateDirectory(_folder.File($"{root}/elephant"));
        _folder.Write("photo/elephant/1.jpg", "photo");
        _folder.Write("art/elephant/1.jpg", "art");
        ImageRoots roots = new([_folder.File("photo"), _folder.File("art")]);
        foreach (string root in (string[])["photo", "art"])
        {
            string file = _folder.File($"{root}/elephant/1.jpg");
            Assert.Equal(file, roots.Find("elephant/1.jpg", ImageRoots.Hash(file)));
        }
        Assert.Contains(
            "SHA-256 differs",
            Assert.Throws<BadInputException>(() => roots.Find("elephant/1.jpg", BenchSamples.Hash(1))).Message,
            StringComparison.Ordinal
        );
        string missing = Assert
            .Throws<BadInputException>(() => roots.Find("elephant/2.jpg", BenchSamples.Hash(1)))
            .Message;
        Assert.Contains("elephant/2.jpg", missing, StringComparison.Ordinal);
        Assert.Contains("mined from", missing, StringComparison.Ordinal);
        Assert.Throws<BadInputException>(() => new ImageRoots([_folder.File("none")]));
    }

    void Refuses(Action<JsonObject> change, params string[] words)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Saved()))!.AsObject();
        change(json);
        string message = Assert
            .Throws<BadInputException>(() => BenchmarkFile.Load(_folder.Write("bad.json", json.ToJsonString())))
            .Message;
        Assert.Contains("bad.json", message, StringComparison.Ordinal);
        foreach (string word in words)
            Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }
}
