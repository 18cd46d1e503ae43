using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

/// <summary>Edits of whole tensors after the cut.</summary>
public sealed class TensorDeltaTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(5, 1, 2)]
    [InlineData(4, 1, 3)]
    [InlineData(3, 2, 1)]
    public void The_suffix_with_changed_tensors_equals_the_plain_forward_with_them(int depth, int first, int blocks)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        Tensor pixels = TinyVit.Pixels(model, 18);
        using PrefixState state = split.Prefix(pixels);
        using TensorDelta delta = Random(split.Space, depth);
        Dictionary<string, Tensor> weights = new(model.Tensors);
        foreach (string name in delta.Names)
            weights[name] = delta.Apply(name, weights[name]);
        Tensor expected = model.Logits(pixels, weights);
        Tensor actual = split.Logits(state, delta);
        Assert.InRange(TinyVit.RelativeDifference(actual, expected), 0, 1e-5);
        Assert.True(TinyVit.RelativeDifference(actual, split.Logits(state)) > 1e-3);

        using LocalitySet locality = new(split, split.Prefix(pixels));
        int[] before = [.. model.Logits(pixels).argmax(1).data<long>().Select(c => (int)c)];
        int[] after = [.. expected.argmax(1).data<long>().Select(c => (int)c)];
        Assert.Equal(before.Zip(after).Count(p => p.First != p.Second), locality.Measure(delta).Changed.Count);
    }

    [Fact]
    public void A_patch_of_tensors_comes_back_from_its_file_and_is_applied_with_the_units_that_it_adds()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        using Patch patch = new(Random(space, 4), Provenance(model));
        PatchFile.Save(patch, _folder.File("a"), overwrite: false);
        PatchFile.Save(patch, _folder.File("b"), overwrite: false);
        Assert.Equal(File.ReadAllBytes(_folder.File("a")), File.ReadAllBytes(_folder.File("b")));
        using Patch read = PatchFile.Load(_folder.File("a"));
        read.RequireModel(model);
        TensorDelta before = (TensorDelta)patch.Change;
        TensorDelta after = (TensorDelta)read.Change;
        Assert.Equal(before.Names, after.Names);
        Assert.Equal(before.Parameters, after.Parameters);
        Assert.All(
            before.Names,
            n =>
                Assert.Equal(
                    0,
                    TinyVit.MaxDifference(before.Apply(n, model.Tensors[n]), after.Apply(n, model.Tensors[n]))
                )
        );
        Assert.Contains(
            "tensors",
            Assert.Throws<InvalidOperationException>(() => read.Delta).Message,
            StringComparison.Ordinal
        );
        // All blocks get as many hidden units, which in the others give nothing.
        using VitModel wider = PatchLedger.Apply(model, [read]);
        Assert.True(wider.Config.MlpWidth > model.Config.MlpWidth);
        Tensor pixels = TinyVit.Normal(7, 2, 3, model.Config.ImageSize, model.Config.ImageSize);
        SplitVit split = new(model, space);
        using PrefixState state = split.Prefix(pixels);
        Assert.InRange(TinyVit.MaxDifference(wider.Logits(pixels), split.Logits(state, read.Change)), 0, 1e-4);
        Assert.Empty(PatchLedger.Overlaps([patch, read]));
    }

    [Fact]
    public void A_patch_of_tensors_is_applied_together_with_one_of_units()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        string name = space.MatrixName(1);
        using Patch units = new(
            new WeightDelta(
                TinyVit.RandomUnits(space, 0.3, 1),
                [
                    .. Enumerable
                        .Range(0, space.Matrices)
                        .Select(m => TinyVit.Normal(m, TinyVit.RandomUnits(space, 0.3, 1)[m].Length, space.Width)),
                ]
            ),
            Provenance(model)
        );
        using Patch whole = new(
            new TensorDelta(
                space,
                new Dictionary<string, TensorChange>
                {
                    [name] = TensorChange.AddProduct(TinyVit.Normal(8, 24, 2), TinyVit.Normal(9, 2, 40)),
                }
            ),
            Provenance(model)
        );
        using VitModel edited = PatchLedger.Apply(model, [units, whole]);
        Tensor expected = whole.Change.Apply(name, units.Change.Apply(name, model.Tensors[name]));
        Assert.InRange(TinyVit.MaxDifference(expected, edited.Tensors[name]), 0, 1e-6);
        Assert.Equal(2, linalg.matrix_rank(whole.Change.Apply(name, zeros(24, 40))).item<long>());
    }

    [Fact]
    public void Tensors_before_the_cut_and_half_widened_networks_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        foreach (
            string name in (string[])
                [
                    "blocks.0.mlp.fc1.weight",
                    VitNames.Block(space.FirstBlock, "attn.qkv.weight"),
                    VitNames.Positions,
                    "blocks.x.mlp.fc1.weight",
                ]
        )
            Assert.Throws<ArgumentException>(() =>
                new TensorDelta(space, new Dictionary<string, TensorChange> { [name] = TensorChange.Add(zeros(1)) })
            );
        Assert.Throws<ArgumentException>(() =>
            new TensorDelta(
                space,
                new Dictionary<string, TensorChange>
                {
                    ["blocks.3.mlp.fc1.weight"] = TensorChange.AppendRows(zeros(1, 24)),
                }
            )
        );
        using Patch foreign = new(
            new TensorDelta(
                space,
                new Dictionary<string, TensorChange> { [VitNames.HeadBias] = TensorChange.Add(zeros(8)) }
            ),
            Provenance(model)
        );
        Assert.Throws<BadInputException>(() => foreign.RequireModel(model));
    }

    static TensorDelta Random(EditSpace space, int depth)
    {
        using Generator generator = new(4, CPU);
        string last = VitNames.Block(depth - 1, "");
        Dictionary<string, TensorChange> changes = new()
        {
            [VitNames.HeadBias] = TensorChange.Add(Values(7)),
            [VitNames.NormWeight] = TensorChange.Add(Values(24)),
            [last + "mlp.fc1.weight"] = TensorChange.AppendRows(Values(2, 24)),
            [last + "mlp.fc1.bias"] = TensorChange.AppendRows(Values(2)),
            [last + "mlp.fc2.weight"] = TensorChange.AppendColumns(Values(24, 2)),
        };
        if (depth - 1 > space.FirstBlock)
        {
            changes[last + "attn.qkv.weight"] = TensorChange.AddProduct(Values(72, 2), Values(2, 24));
            changes[VitNames.Block(space.FirstBlock, "mlp.fc2.weight")] = TensorChange.AddProduct(
                Values(24, 1),
                Values(1, 40)
            );
        }
        return new TensorDelta(space, changes);

        Tensor Values(params long[] shape) => randn(shape, generator: generator).mul_(0.2);
    }

    static PatchProvenance Provenance(VitModel model) =>
        new()
        {
            ModelFingerprint = model.Fingerprint,
            Label = 1,
            Method = "some method",
            Settings = new Dictionary<string, string>(),
        };
}
