using System.Text.Json.Nodes;
using Retouch.Benchmarks;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Benchmarks;

/// <summary>The list of sensitive images that a run keeps.</summary>
public sealed class SensitiveFileTests : IDisposable
{
    static readonly SensitiveImages Images = new()
    {
        Model = BenchSamples.Hash(1),
        Candidates = BenchSamples.Hash(2),
        Margin = 0.05,
        Asked = 9,
        Images = [new("a/b.png", BenchSamples.Hash(3), 0.01), new("c.png", BenchSamples.Hash(4), 0.0499)],
    };

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_gives_back_what_was_written()
    {
        Assert.Null(SensitiveFile.Read(_folder.Root));
        SensitiveFile.Write(_folder.Root, Images);
        SensitiveImages read = SensitiveFile.Read(_folder.Root)!;
        Assert.Equal(Images.Images, read.Images);
        Assert.Equal(Images, read with { Images = Images.Images });
    }

    [Theory]
    [InlineData("margin", "1.5", "margin")]
    [InlineData("margin", "0.02", "not sensitive")]
    [InlineData("asked", "1", "numbers of images")]
    [InlineData("images", "[]", "numbers of images")]
    [InlineData("images", "[null]", "not sensitive")]
    [InlineData("images.1.sha256", "\"0000000000000000000000000000000000000000000000000000000000000003\"", "twice")]
    [InlineData("images.1.margin", "-1", "not sensitive")]
    [InlineData("images.1.path", "null", "path")]
    [InlineData("model", "null", "model")]
    public void A_damaged_file_is_named(string place, string value, string words)
    {
        SensitiveFile.Write(_folder.Root, Images);
        string path = SensitiveFile.PathIn(_folder.Root);
        JsonNode root = JsonNode.Parse(File.ReadAllText(path))!;
        string[] parts = place.Split('.');
        JsonNode node = root;
        foreach (string part in parts.SkipLast(1))
            node = node is JsonArray array ? array[int.Parse(part)]! : node[part]!;
        node[parts[^1]] = JsonNode.Parse(value);
        File.WriteAllText(path, root.ToJsonString());
        string message = Assert.Throws<BadInputException>(() => SensitiveFile.Read(_folder.Root)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.OrdinalIgnoreCase);
    }
}
