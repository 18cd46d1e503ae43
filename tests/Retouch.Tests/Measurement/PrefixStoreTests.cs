using Retouch.Cli;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Measurement;

public sealed class PrefixStoreTests : IDisposable
{
    readonly VitModel _model = TinyVit.Create();
    readonly SplitVit _split;

    public PrefixStoreTests() => _split = new SplitVit(_model);

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    [InlineData(20_000L)] // the first of three states
    public void What_comes_out_is_what_went_in(long? budget)
    {
        using DisposeScope scope = NewDisposeScope();
        using PrefixStore store = new(budget);
        Tensor[] pixels = [.. Enumerable.Range(0, 3).Select(i => TinyVit.Pixels(_model, 4 + i, seed: i))];
        Assert.Equal([0, 1, 2], pixels.Select(p => store.Add(_split.Prefix(p))));
        Assert.Equal((3, 15), (store.Count, store.Images));
        Assert.Equal(budget is null, store.BytesOnDisk == 0);
        for (int round = 0; round < 2; round++)
        {
            foreach ((int i, Tensor p) in pixels.Index().Reverse())
            {
                using PrefixState there = store.Open(i);
                using PrefixState expected = _split.Prefix(p);
                Assert.Equal(expected.Residual.shape, there.Residual.shape);
                Assert.Equal(expected.Residual.data<float>().ToArray(), there.Residual.data<float>().ToArray());
                Assert.Equal(expected.Output.data<float>().ToArray(), there.Output.data<float>().ToArray());
            }
        }
    }

    [Fact]
    public void The_budget_is_kept_and_the_file_goes_with_the_store()
    {
        string[] Files() => [.. Directory.EnumerateFiles(Path.GetTempPath(), "retouch-*.prefixes")];
        string[] before = Files();
        using (PrefixStore store = new(0))
        {
            using Tensor pixels = TinyVit.Pixels(_model, 5);
            using PrefixState state = _split.Prefix(pixels);
            long bytes = 2 * 4 * state.Residual.NumberOfElements;
            store.Add(state.Select([0, 1, 2, 3, 4]));
            Assert.Equal(bytes, store.BytesOnDisk);
            store.Add(state.Select([0]));
            Assert.Equal(bytes + bytes / 5, store.BytesOnDisk);
        }
        Assert.Equal(before, Files());
        Assert.Throws<ArgumentOutOfRangeException>(() => new PrefixStore(-1));
    }

    [Fact]
    public void A_full_or_missing_disk_is_told()
    {
        string? folder = Environment.GetEnvironmentVariable("TMPDIR");
        try
        {
            Environment.SetEnvironmentVariable("TMPDIR", Path.Combine(Path.GetTempPath(), "retouch-not-there"));
            using PrefixStore store = new(0);
            using Tensor pixels = TinyVit.Pixels(_model, 1);
            BadInputException told = Assert.Throws<BadInputException>(() => store.Add(_split.Prefix(pixels)));
            Assert.Contains("--memory", RemedyText.Of(told), StringComparison.Ordinal);
            Assert.Equal(0, store.Count);
        }
        finally
        {
            Environment.SetEnvironmentVariable("TMPDIR", folder);
        }
    }

    [Fact]
    public void Locality_is_the_same_from_memory_and_from_disk()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5, CPU);
        UnitSelection units = UnitSelection.All(_split.Space);
        using WeightDelta delta = new(
            units,
            [
                .. Enumerable
                    .Range(0, _split.Space.Matrices)
                    .Select(_ => randn([_split.Space.Hidden, _split.Space.Width], generator: generator) * 0.3),
            ]
        );
        LocalityMeasurement[] measured =
        [
            .. new long?[] { null, 0 }.Select(budget =>
            {
                PrefixStore store = new(budget);
                for (int i = 0; i < 4; i++)
                    store.Add(_split.Prefix(TinyVit.Pixels(_model, 16, seed: i)));
                using LocalitySet set = new(_split, store);
                return set.Measure(delta);
            }),
        ];
        Assert.Equal(64, measured[0].Images);
        Assert.NotEmpty(measured[0].Changed);
        Assert.Equal(measured[0].Changed, measured[1].Changed);
    }
}
