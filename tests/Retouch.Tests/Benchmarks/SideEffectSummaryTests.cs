using System.Text.Json.Nodes;
using Retouch.Benchmarks;
using Retouch.Measurement;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Benchmarks;

/// <summary>Side effects in numbers that can be computed by hand, and as a file.</summary>
public sealed class SideEffectSummaryTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_method_is_the_mean_of_its_edits_and_a_corruption_that_of_its_strengths()
    {
        IReadOnlyList<SideEffectSummary> all = SideEffectSummary.Of(SideEffectSamples.Of());
        Assert.Equal([("gate", 2), ("ft", 1)], all.Select(s => (s.Method, s.Edits)));
        SideEffectSummary gate = all[0];
        Assert.Equal([null, "noise", "motion-blur", "jpeg", "brightness"], gate.Lines.Select(l => l.Shift));
        SideEffectLine clean = gate.Lines[0];
        Assert.Equal(12 / 15.0, clean.Unedited, 1e-12);
        Near(-1.5 / 15, clean.Change!.Value.Mean);
        // Each edit is of another group: the interval reaches from one to the other.
        Near(-2 / 15.0, clean.Change.Value.Low);
        Near(-1 / 15.0, clean.Change.Value.High);
        Near(1.5 / 12, clean.NegativeFlips!.Value.Mean);
        SideEffectLine noise = gate.Lines[1];
        Assert.Equal(7 / 15.0, noise.Unedited, 1e-12);
        Near(-(1 + 2 + 2) / 3.0 / 15 / 2, noise.Change!.Value.Mean);
        Near((1 + 2 + 2) / 3.0 / 7 / 2, noise.NegativeFlips!.Value.Mean);
        Assert.All(gate.Lines.Skip(2), l => Near(0, l.Change!.Value.Mean));
        Near((1 + 2 + 2) / 12.0 / 7 / 2, gate.CorruptedFlips!.Value.Mean);

        // Of the first edit the dogs, of the second the cats: -1/10 and -2/5.
        Near(-(0.1 + 0.4) / 2, gate.Worst!.Change.Mean);
        Assert.Equal(new Dictionary<string, int> { ["photo/cat"] = 1, ["photo/dog"] = 1 }, gate.Worst.Edits);
        // Of the second nobody loses.
        Near(-5.0 / 120 / 2, gate.WorstCorrupted!.Change.Mean);
        Assert.Equal(new Dictionary<string, int> { ["photo/dog"] = 1 }, gate.WorstCorrupted.Edits);

        // What mends every class has no class that loses; the least gain is that of the dogs.
        Near(2 / 15.0, all[1].Lines[0].Change!.Value.Mean);
        Near(0.1, all[1].Worst!.Change.Mean);
        Assert.Empty(all[1].Worst!.Edits);

        static void Near(double expected, double actual) => Assert.Equal(expected, actual, 1e-12);
    }

    [Fact]
    public void What_is_not_whole_has_no_summary()
    {
        SideEffects whole = SideEffectSamples.Of();
        Assert.Empty(SideEffectSummary.Of(whole with { Measured = [.. whole.Measured.SkipLast(1)] }));
    }

    [Fact]
    public void Without_images_there_are_no_rates()
    {
        SideEffects whole = SideEffectSamples.Of();
        IReadOnlyDictionary<string, Flips> none = new Dictionary<string, Flips>();
        SideEffects empty = whole with
        {
            Measured = [.. whole.Measured.Select(m => m with { Edited = [.. m.Edited.Select(_ => none)] })],
        };
        SideEffectSummary gate = SideEffectSummary.Of(empty)[0];
        Assert.True(gate is { Worst: null, WorstCorrupted: null, CorruptedFlips: null });
        Assert.All(gate.Lines, l => Assert.True(l is { Change: null, NegativeFlips: null }));
    }

    [Fact]
    public void A_file_gives_back_what_was_written()
    {
        Assert.Null(SideEffectFile.Read(_folder.Root));
        SideEffects effects = SideEffectSamples.Of();
        SideEffectFile.Write(_folder.Root, effects);
        byte[] once = File.ReadAllBytes(_folder.File(SideEffectFile.FileName));
        SideEffects read = SideEffectFile.Read(_folder.Root)!;
        Assert.True(read.AreOfTheSame(effects));
        Assert.Equal(effects.Measured.Count, read.Measured.Count);
        SideEffectFile.Write(_folder.Root, read);
        Assert.Equal(once, File.ReadAllBytes(_folder.File(SideEffectFile.FileName)));
    }

    [Theory]
    [InlineData("count", "0", "no images")]
    [InlineData("edits", "[]", "no edits")]
    [InlineData("edits", "[null]", "null")]
    [InlineData("measured", "[null]", "corruptions")]
    [InlineData("measured.1.corruption", """{"shift":"snow","strength":0.3}""", "corruptions")]
    [InlineData("measured.1.corruption", """{"shift":null,"strength":0}""", "corruptions")]
    [InlineData("measured.1.edited", "[]", "each edit")]
    [InlineData("measured.1.edited.0.photo/dog.broken", "99", "counts of images")]
    [InlineData("measured.1.unedited.photo/dog.images", "2147483647", "counts of images")]
    [InlineData("measured.1.unedited", "7", "measured[1].unedited")]
    [InlineData("", "[]", "side effects")]
    public void A_damaged_file_is_named(string place, string value, string words)
    {
        SideEffectFile.Write(_folder.Root, SideEffectSamples.Of());
        string path = _folder.File(SideEffectFile.FileName);
        JsonNode root = JsonNode.Parse(File.ReadAllText(path))!;
        if (place == "")
        {
            root = JsonNode.Parse(value)!;
        }
        else
        {
            string[] parts = place.Split('.');
            JsonNode node = root;
            foreach (string part in parts.SkipLast(1))
                node = node is JsonArray array ? array[int.Parse(part)]! : node[part]!;
            node[parts[^1]] = JsonNode.Parse(value);
        }
        File.WriteAllText(path, root.ToJsonString());
        string message = Assert.Throws<BadInputException>(() => SideEffectFile.Read(_folder.Root)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }
}
