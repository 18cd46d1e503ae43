using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>The methods whose unit takes the place of the whole token: the prototype rule and GRACE.</summary>
public sealed class ReplacingUnitTests : IDisposable
{
    readonly MethodBed _bed = new(images: 20, first: 4, blocks: 1);
    readonly Preparation _memory;

    public ReplacingUnitTests() => _memory = _bed.Prepare(new GateMemory());

    public void Dispose()
    {
        _memory.Dispose();
        _bed.Dispose();
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 2)]
    [InlineData(0.3, 6)]
    public void Prototype_gives_the_label_to_all_beyond_the_gates_edge_and_changes_no_other(double leak, int most)
    {
        using EditResult result = new Prototype(_memory, new() { Leak = leak }).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.True(result.Success && result.Losses[^1] <= 0.01f);
        Assert.InRange(_bed.Loss(result.Patch.Change), 0, 0.0101);
        (Tensor key, Tensor bias) = Likeness.Key(
            _bed.Read(_bed.Pixels, 4)[0, 0],
            GateMemory.Of(_memory, _bed.Split, "gate"),
            _bed.Label,
            leak
        );
        // One lies on the edge itself.
        Assert.Equal(most, Only(result, key, bias, within: 1e-3, onTheEdge: 1));
    }

    [Fact]
    public void Grace_gives_the_value_to_all_in_the_ball_and_changes_no_other()
    {
        Tensor weight = _bed.Weight(4, "norm2.weight");
        Tensor shift = _bed.Weight(4, "norm2.bias");
        Tensor center = Key(_bed.Pixels);
        Tensor distances = (Key(_bed.OrdinaryPixels()) - center).norm(1) / center.norm();
        double[] sorted = [.. distances.data<float>().Select(d => (double)d).Order()];
        double radius = (sorted[7] + sorted[8]) / 2;

        using EditResult result = new Grace(_memory, new() { Radius = radius }).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.True(result.Success);
        (Tensor key, Tensor bias, double _) = Grace.Ball(
            _bed.Model.Blocks[4],
            _bed.Read(_bed.Pixels, 4).select(1, 0),
            radius
        );
        Tensor readings = mv(_bed.Read(_bed.OrdinaryPixels(), 4).select(1, 0), key) + bias;
        Assert.InRange(TinyVit.MaxDifference(readings, 1 - distances.square() / (radius * radius)), 0, 1e-3);
        Assert.Equal(8, Only(result, key, bias, within: 1e-3, onTheEdge: 0));

        Tensor Key(Tensor pixels) => (_bed.Read(pixels, 4).select(1, 0) - shift) / weight;
    }

    [Fact]
    public void A_ball_among_keys_of_one_length_is_a_half_space()
    {
        Tensor weight = tensor((float[])[2, 0.5f]);
        Tensor shift = tensor((float[])[1, -1]);
        BlockWeights block = new(
            default,
            name =>
                name == "norm2.weight" ? weight
                : name == "norm2.bias" ? shift
                : null
        );
        float root = MathF.Sqrt(2);
        // The key (1, 1), of length √2; in lengths of a key the radius √2 is 1.
        (Tensor key, Tensor bias, double reach) = Grace.Ball(block, Read(1, 1), 1);
        Assert.Equal(root, reach, 1e-5);
        Assert.Equal(1, Reading(1, 1), 1e-5);
        Assert.Equal(1 - 4 / 2.0, Reading(1, -1), 1e-5); // 2 away
        Assert.Equal(1 - 8 / 2.0, Reading(-1, -1), 1e-5); // opposite
        Assert.Equal(1 - (4 - 2 * root) / 2, Reading(root, 0), 1e-5);

        // Two keys are held by one ball about their mean (0, 1), whose radius would else be too small.
        (key, bias, reach) = Grace.Ball(block, cat([Read(1, 1), Read(-1, 1)], 0), 0.1);
        Assert.Equal(1 - 1 / 1.01, Reading(1, 1), 1e-5);
        Assert.Equal(1 - 1 / 1.01, Reading(-1, 1), 1e-5);
        Assert.True(Reading(1, -1) < 0);
        Assert.Equal(Math.Sqrt(1.01), reach, 1e-5);

        Tensor Read(float x, float y) => (tensor((float[])[x, y]) * weight + shift).unsqueeze(0);

        double Reading(float x, float y) => (mv(Read(x, y), key) + bias).item<float>();
    }

    [Fact]
    public void A_value_replaces_the_token_behind_a_layer_scale_too()
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants["layerscale"]);
        int last = model.Config.Depth - 1;
        SplitVit split = new(model, new EditSpace(model.Config, last, 1));
        using PrefixState others = split.Prefix(TinyVit.Pixels(model, 9, seed: 5));
        (Tensor queries, Tensor after) = QueryMemory.Query(split, others);
        Tensor residuals = GateMemory.Residuals(model, queries, after);
        Tensor said = split.Logits(others).argmax(1);
        using Preparation memory = new(
            GateMemory.Kind,
            split,
            new Dictionary<string, string>(),
            new Dictionary<string, Tensor> { ["residuals"] = residuals.to(ScalarType.Float16), ["classes"] = said }
        );
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        int label = (int)split.Logits(state).argmin(1).item<long>();
        using EditResult result = new Prototype(memory, new() { Leak = 0 }).Edit(split, [new(state, label)])[0];
        Assert.True(result.Success);
        Assert.Equal(result.Losses[^1], Loss(), 1e-3f);

        float Loss() => -nn.functional.log_softmax(split.Logits(state, result.Patch.Change), 1)[0, label].item<float>();
    }

    [Fact]
    public void An_applied_patch_says_the_same_on_every_path()
    {
        using EditResult result = new Prototype(_memory, new() { Leak = 0.3 }).Edit(_bed.Split, [_bed.Failure])[0];
        using VitModel edited = PatchLedger.Apply(_bed.Model, [result.Patch]);
        Tensor pixels = cat([_bed.Pixels, _bed.OrdinaryPixels()], 0);
        using PrefixState state = _bed.Split.Prefix(pixels);
        Assert.Equal(
            edited.Logits(pixels).argmax(1).data<long>(),
            [.. _bed.Split.Predict(state, result.Patch.Change).Select(c => (long)c)]
        );
        using PrefixState rebased = new SplitVit(edited, _bed.Split.Space).Rebase(state);
        Assert.Equal(
            _bed.Split.Predict(state, result.Patch.Change),
            new SplitVit(edited, _bed.Split.Space).Predict(rebased)
        );
    }

    [Fact]
    public void A_next_edit_takes_another_unit()
    {
        Grace grace = new(_memory, new() { Radius = 0.1 });
        Prototype prototype = new(_memory, new() { Leak = 0 });
        foreach (IEditor editor in (IEditor[])[grace, prototype])
        {
            using EditResult first = editor.Edit(_bed.Split, [_bed.Failure])[0];
            using VitModel edited = PatchLedger.Apply(_bed.Model, [first.Patch]);
            SplitVit next = new(edited, _bed.Split.Space);
            using PrefixState state = next.Prefix(TinyVit.Pixels(_bed.Model, 1, seed: 3));
            using EditResult second = editor.Edit(next, [new Failure(state, 0)])[0];
            Assert.Empty(PatchLedger.Overlaps([first.Patch, second.Patch]));
        }
    }

    [Fact]
    public void A_near_image_of_the_same_label_widens_and_of_another_splits()
    {
        CodebookEntry far = new(1, 7, 1);
        CodebookEntry near = new(2, 5, 1);

        // Beyond both radii together is a new entry.
        Assert.Equal(1, Radius(Plan(far, near, 3.2, 2.1, label: 5)));
        Assert.Empty(Plan(far, near, 3.2, 2.1, label: 5).Entries);
        // Within them the nearest key of the same label is widened to the distance, and no entry is added.
        CodebookChange wider = Plan(far, near, 3.2, 1.6, label: 5);
        Assert.Null(wider.Radius);
        Assert.Equal(near with { Radius = Math.Sqrt(1.6 * 1.6 * 1.01) }, Assert.Single(wider.Entries));
        // Of another label both get half of the distance, but none grows.
        CodebookChange split = Plan(far, near, 3.2, 1.6, label: 6);
        Assert.Equal(0.8, Radius(split), 1e-12);
        Assert.Equal(0.8, Assert.Single(split.Entries).Radius, 1e-12);
        CodebookChange small = Plan(far, near with { Radius = 0.3 }, 3.2, 1.2, label: 6);
        Assert.Equal(0.6, Radius(small), 1e-12);
        Assert.Empty(small.Entries);
        // A ball of another label that holds the image gives way, though its key is not the nearest.
        CodebookChange held = Plan(far with { Radius = 2 }, near, 1.8, 1.5, label: 5);
        Assert.Null(held.Radius);
        Assert.Equal([(1, 0.9), (2, 1.5075)], held.Entries.Select(e => (e.Unit, Math.Round(e.Radius, 4))));
        // Nearness is measured by the mean of several images, and widening holds the farthest.
        CodebookChange several = Codebook.Change(
            [near],
            [
                [1.0, 4.0],
            ],
            5,
            radius: 1,
            near: 1
        );
        Assert.Equal(Math.Sqrt(4 * 1.01), Assert.Single(several.Entries).Radius, 1e-12);
        // The same image with two labels leaves next to nothing of both.
        CodebookChange same = Codebook.Change(
            [near],
            [
                [0.0],
            ],
            6,
            radius: 1,
            near: 1
        );
        Assert.Equal((1e-3, 1e-3), (Radius(same), Assert.Single(same.Entries).Radius));
        // Nearer only, as a setting says.
        Assert.Equal(
            1,
            Radius(
                Codebook.Change(
                    [near],
                    [
                        [1.6 * 1.6],
                    ],
                    5,
                    radius: 1,
                    near: 0.5
                )
            )
        );

        static CodebookChange Plan(CodebookEntry first, CodebookEntry second, double one, double other, int label) =>
            Codebook.Change(
                [first, second],
                [
                    [one * one],
                    [other * other],
                ],
                label,
                radius: 1,
                near: 1
            );

        static double Radius(CodebookChange change) =>
            change.Radius ?? throw new InvalidOperationException("An entry is widened.");
    }

    [Fact]
    public void A_widened_or_split_unit_has_the_ball_that_the_codebook_says()
    {
        // An entry that holds only its own image, and another image at a known distance.
        Grace grace = new(_memory, new() { Radius = 0.3, Near = 100 });
        using EditResult first = grace.Edit(_bed.Split, [_bed.Failure])[0];
        CodebookEntry entry = Assert.Single(first.Patch.Provenance.Codebook);
        Tensor center = Key(_bed.Pixels);
        Assert.Equal(0.3, entry.Radius / center.norm().item<float>(), 1e-5);
        Assert.Equal((_bed.Label, 1), (entry.Label, first.Patch.Change is TensorDelta ? 1 : 0));
        using VitModel edited = PatchLedger.Apply(_bed.Model, [first.Patch]);
        SplitVit next = new(edited, _bed.Split.Space);
        Tensor pixels = TinyVit.Pixels(_bed.Model, 1, seed: 3);
        double distance = (Key(pixels) - center).norm().item<float>();
        using PrefixState state = next.Prefix(pixels);

        using EditResult wider = grace.Edit(next, [new Failure(state, _bed.Label)])[0];
        Assert.True(wider.Success && wider.Steps == 0 && wider.Losses.Count == 1);
        CodebookEntry widened = Assert.Single(wider.Patch.Provenance.Codebook);
        Assert.Equal(entry with { Radius = widened.Radius }, widened);
        Assert.Equal(distance * Math.Sqrt(1.01), widened.Radius, 1e-4 * distance);
        Assert.Equal(
            ["blocks.4.mlp.fc1.bias", "blocks.4.mlp.fc1.weight"],
            wider.Patch.Change.Names.Order(StringComparer.Ordinal)
        );
        Ball(wider, widened);

        int other = (int)next.Logits(state).argmin(1).item<long>();
        other = other == _bed.Label ? (other + 1) % _bed.Model.Config.Classes : other;
        using EditResult split = grace.Edit(next, [new Failure(state, other)])[0];
        Assert.True(split.Success);
        Assert.Equal(entry.Radius > distance / 2 ? 2 : 1, split.Patch.Provenance.Codebook.Count);
        Assert.All(split.Patch.Provenance.Codebook, e => Assert.True(e.Radius <= distance / 2 * 1.0001));
        Assert.All(split.Patch.Provenance.Codebook, e => Ball(split, e));
        // The first image keeps its label.
        using PrefixState before = next.Prefix(_bed.Pixels);
        Assert.Equal([_bed.Label], next.Predict(before, split.Patch.Change));

        // It is known in the model that the next edit is made on, and in the file.
        using VitModel twice = PatchLedger.Apply(edited, [split.Patch]);
        foreach (CodebookEntry e in split.Patch.Provenance.Codebook)
            Assert.Equal(e, EditHistory.Of(twice).Codebook[e.Unit]);
        string path = _bed.FilePath("split.patch");
        PatchFile.Save(split.Patch, path, overwrite: false);
        using Patch read = PatchFile.Load(path);
        Assert.Equal(split.Patch.Provenance.Codebook, read.Provenance.Codebook);
        // A patch upon another does not contradict it, two of the same model do.
        Assert.Empty(PatchLedger.Contradictions([first.Patch, wider.Patch]));
        Assert.Equal(entry.Radius > distance / 2 ? 1 : 0, PatchLedger.Contradictions([wider.Patch, split.Patch]).Count);

        Tensor Key(Tensor images) =>
            ((_bed.Read(images, 4).select(1, 0) - _bed.Weight(4, "norm2.bias")) / _bed.Weight(4, "norm2.weight"))[0];

        // A unit reads 1 − d²/ε² of ordinary images, times its steepness.
        void Ball(EditResult result, CodebookEntry e)
        {
            using VitModel after = PatchLedger.Apply(edited, [result.Patch]);
            BlockWeights block = after.Blocks[4];
            Tensor keys = cat([_bed.Pixels, pixels], 0);
            Tensor readings =
                (mv(_bed.Read(keys, 4).select(1, 0), block.Fc1Weight[e.Unit]) + block.Fc1Bias[e.Unit])
                / ReplacingUnit.Steepness;
            bool isFirst = e.Unit == entry.Unit;
            double share = distance * distance / (e.Radius * e.Radius);
            Assert.Equal(isFirst ? 1 : 1 - share, readings[0].item<float>(), 2e-3 * share);
            Assert.Equal(isFirst ? 1 - share : 1, readings[1].item<float>(), 2e-3 * share);
        }
    }

    [Fact]
    public void Values_stay_as_long_as_a_token_where_edits_follow_on_each_other()
    {
        // All balls hold all images.
        Grace grace = new(_memory, new() { Radius = 2, Near = 0 });
        VitModel model = _bed.Model;
        List<VitModel> left = [];
        for (int edit = 0; edit < 4; edit++)
        {
            SplitVit now = new(model, _bed.Split.Space);
            using PrefixState state = now.Prefix(TinyVit.Pixels(_bed.Model, 1, seed: 20 + edit));
            using EditResult result = grace.Edit(now, [new Failure(state, edit % 2)])[0];
            CodebookEntry own = result.Patch.Provenance.Codebook[^1];
            left.Add(model = PatchLedger.Apply(model, [result.Patch]));
            float length = model.Blocks[4].Fc2Weight.select(1, own.Unit).norm().item<float>();
            Assert.InRange(length, 0.1, 100);
        }
        left.ForEach(m => m.Dispose());
    }

    [Fact]
    public void Settings_out_of_range_and_other_preparations_are_named()
    {
        Assert.Contains("leak", Refused(() => new Prototype(_memory, new() { Leak = 1 })), StringComparison.Ordinal);
        Assert.Contains("radius", Refused(() => new Grace(_memory, new() { Radius = 0 })), StringComparison.Ordinal);
        using Preparation keys = _bed.Prepare(new KeyStatistics());
        Assert.Contains(
            "'gate'",
            Refused(() => new Grace(keys).Edit(_bed.Split, [_bed.Failure])),
            StringComparison.Ordinal
        );

        static string Refused(Func<object> make) => Assert.Throws<BadInputException>(make).Message;
    }

    // How many ordinary images are beyond an edge: they have the label, and the others what they had.
    int Only(EditResult result, Tensor key, Tensor bias, double within, int onTheEdge)
    {
        Tensor pixels = _bed.OrdinaryPixels();
        float[] readings = [.. (mv(_bed.Read(pixels, 4).select(1, 0), key) + bias).data<float>()];
        using PrefixState state = _bed.Split.Prefix(pixels);
        Tensor logits = _bed.Split.Logits(state, result.Patch.Change);
        long[] classes = [.. logits.argmax(1).data<long>()];
        // The unit that is idle gives its mean, and nothing else changes.
        Tensor queries = _bed.Read(_bed.Pixels, 4).select(1, 0);
        IdleUnit unit = IdleUnits.Of(_bed.Model, GateMemory.Of(_memory, _bed.Split, "gate").Queries).Draw(queries);
        using TensorDelta silent = unit.Rewritten(_bed.Split.Space, key, bias, zeros_like(key));
        Tensor without = _bed.Split.Logits(state, silent);
        int inside = 0;
        int edge = 0;
        for (int i = 0; i < readings.Length; i++)
        {
            if (readings[i] > within)
            {
                Assert.Equal(_bed.Label, classes[i]);
                inside++;
            }
            else if (readings[i] < -within)
                Assert.InRange(TinyVit.MaxDifference(logits[i], without[i]), 0, 1e-4);
            else
                edge++;
        }
        Assert.Equal(onTheEdge, edge);
        return inside;
    }
}
