using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Patches;

public sealed class PatchLedgerTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Applying_gives_the_edited_logits_and_leaves_the_base_as_it_was()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model);
        Tensor pixels = TinyVit.Pixels(model, 3);
        Tensor before = model.Logits(pixels);
        Dictionary<string, byte[]> bytes = model.Tensors.ToDictionary(t => t.Key, t => t.Value.bytes.ToArray());
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(pixels);

        using (VitModel edited = PatchLedger.Apply(model, [patch]))
        {
            Assert.NotEqual(model.Fingerprint, edited.Fingerprint);
            Assert.Equal(model.Config, edited.Config);
            Assert.InRange(TinyVit.MaxDifference(edited.Logits(pixels), split.Logits(state, patch.Delta)), 0, 1e-4);
            Assert.True(TinyVit.MaxDifference(edited.Logits(pixels), before) > 1e-2);
        }
        Assert.All(model.Tensors, t => Assert.Equal(bytes[t.Key], t.Value.bytes.ToArray()));
        Assert.Equal(0, TinyVit.MaxDifference(before, model.Logits(pixels)));
    }

    [Fact]
    public void Only_the_selected_rows_and_columns_change()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        using Patch patch = PatchSamples.Of(
            model,
            new UnitSelection(
                space,
                [
                    [3],
                    [5, 7],
                    [],
                    [],
                    [],
                    [],
                ]
            )
        );
        using VitModel edited = PatchLedger.Apply(model, [patch]);
        string fc1 = space.MatrixName(0);
        string fc2 = space.MatrixName(1);
        foreach ((string name, Tensor tensor) in edited.Tensors)
        {
            if (name != fc1 && name != fc2)
                Assert.Equal(model.Tensors[name].bytes.ToArray(), tensor.bytes.ToArray());
        }
        Tensor rows = (edited.Tensors[fc1] - model.Tensors[fc1]).abs().sum([1L]);
        Tensor columns = (edited.Tensors[fc2] - model.Tensors[fc2]).abs().sum([0L]);
        Assert.Equal([3], rows.nonzero().reshape(-1).data<long>());
        Assert.Equal([5, 7], columns.nonzero().reshape(-1).data<long>());
        Assert.InRange(
            TinyVit.MaxDifference(edited.Tensors[fc2][.., 7] - model.Tensors[fc2][.., 7], patch.Delta.Rows[1][1]),
            0,
            1e-6
        );
    }

    [Fact]
    public void A_stack_is_the_sum_of_its_deltas()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch a = PatchSamples.Random(model, 1);
        using Patch b = PatchSamples.Random(model, 2);
        using Patch c = PatchSamples.Random(model, 3, share: 0);
        using WeightDelta sum = WeightDelta.Sum([a.Delta, b.Delta, c.Delta]);
        using VitModel stacked = PatchLedger.Apply(model, [a, b, c]);
        using VitModel reversed = PatchLedger.Apply(model, [c, b, a]);
        using VitModel first = PatchLedger.Apply(model, [a]);
        for (int m = 0; m < sum.Space.Matrices; m++)
        {
            string name = sum.Space.MatrixName(m);
            Assert.InRange(TinyVit.MaxDifference(stacked.Tensors[name], sum.AddTo(m, model.Tensors[name])), 0, 1e-6);
            Assert.InRange(TinyVit.MaxDifference(stacked.Tensors[name], reversed.Tensors[name]), 0, 1e-6);
            Assert.InRange(
                TinyVit.MaxDifference(stacked.Tensors[name], b.Delta.AddTo(m, first.Tensors[name])),
                0,
                1e-6
            );
            Assert.Equal(a.Delta.Units[m].ToArray().Union(b.Delta.Units[m].ToArray()).Order(), sum.Units[m].ToArray());
        }
    }

    [Fact]
    public void The_same_set_of_patches_gives_the_same_bits_in_every_order_and_mixture()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        string fc1 = VitNames.Block(2, "mlp.fc1.weight");
        string head = VitNames.HeadWeight;
        using Patch a = PatchSamples.Random(model, 1, 1);
        using Patch b = PatchSamples.Random(model, 2, 1);
        using Patch c = PatchSamples.Random(model, 3, 1);
        using Patch d = Whole(model, fc1, TensorChange.AddProduct(randn([40, 2]), randn([2, 24])));
        using Patch e = Whole(model, head, TensorChange.Add(randn([7, 24])));
        using Patch f = Whole(model, head, TensorChange.Add(randn([7, 24])));
        Patch[] all = [a, b, c, d, e, f];
        using VitModel first = PatchLedger.Apply(model, all);
        foreach (int seed in (int[])[1, 2, 3, 4])
        {
            Patch[] shuffled = [.. all];
            new Random(seed).Shuffle(shuffled);
            using VitModel other = PatchLedger.Apply(model, shuffled);
            Assert.Equal(first.Fingerprint, other.Fingerprint);
        }
        using Patch next = PatchSamples.Random(first);
        using VitModel reversed = PatchLedger.Apply(model, [.. all.Reverse()]);
        next.RequireModel(reversed);
    }

    [Fact]
    public void One_patch_alone_gives_the_bits_of_a_sum_in_float32()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model, 1, 1);
        foreach ((string name, Tensor edited) in PatchLedger.Edited(model, [patch]))
        {
            using (edited)
                Assert.Equal(patch.Change.Apply(name, model.Tensors[name]).bytes.ToArray(), edited.bytes.ToArray());
        }
    }

    [Fact]
    public void Patches_that_cancel_each_other_are_told_by_what_they_change()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        using Patch a = PatchSamples.Random(model, 1);
        using Patch again = PatchSamples.Random(model, 1);
        using Patch b = PatchSamples.Random(model, 2);
        using Patch renamed = again.With(again.Provenance with { Method = "other", Seed = 9, Images = [] });
        using Patch unit = PatchSamples.Rewriting(model, 3, 5, 1);
        using Patch sameUnit = PatchSamples.Rewriting(model, 3, 5, 2);
        using Patch next = PatchSamples.Rewriting(model, 3, 6, 3);
        using Patch above = PatchSamples.Rewriting(model, 2, 5, 4);
        // A low-rank term over all units adds to each and rewrites none.
        using Patch lora = Whole(
            model,
            VitNames.Block(3, "mlp.fc1.weight"),
            TensorChange.AddProduct(randn([40, 2]), randn([2, 24]))
        );
        Assert.Empty(PatchLedger.Contradictions([a, b, unit, next, above, lora]));
        Assert.Equal([new PatchContradiction(0, 1, null, null)], PatchLedger.Contradictions([a, renamed, b]));
        Assert.Equal([new PatchContradiction(0, 2, 3, 5)], PatchLedger.Contradictions([unit, next, sameUnit]));
        Assert.Equal([new PatchContradiction(0, 1, null, null)], PatchLedger.Contradictions([unit, unit]));

        // Of another window, or by another kind of change, they touch common units all the same.
        using Patch window = PatchSamples.Of(
            model,
            new UnitSelection(
                new EditSpace(model.Config, 3, 1),
                [
                    [5, 7],
                    [7],
                ]
            )
        );
        Assert.Equal(new PatchOverlap(0, 1, 1, 0.5), Assert.Single(PatchLedger.Overlaps([unit, window])));
        Assert.Equal(
            [new PatchSharing(0, 1, 1)],
            PatchLedger.Sharings([
                lora,
                Whole(model, VitNames.Block(3, "mlp.fc1.weight"), TensorChange.Add(randn([40, 24]))),
            ])
        );
    }

    static Patch Whole(VitModel model, string name, TensorChange change) =>
        new(
            new TensorDelta(EditSpace.Default(model.Config), new Dictionary<string, TensorChange> { [name] = change }),
            new PatchProvenance
            {
                ModelFingerprint = model.Fingerprint,
                Label = 0,
                Method = "test",
                Settings = new Dictionary<string, string>(),
            }
        );

    [Fact]
    public void A_patch_of_the_half_precision_twin_is_called_by_its_name_and_so_is_the_reverse()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float16, ScalarType.BFloat16])
        {
            using VitModel half = new(
                model.Tensors.ToDictionary(t => t.Key, t => t.Value.to(type).to(ScalarType.Float32)),
                model.Config.Traits
            );
            Assert.Equal(half.Fingerprint, model.FingerprintAs(type));
            Assert.Equal(half.Fingerprint, half.FingerprintAs(type));
            using Patch ofHalf = PatchSamples.Random(half);
            using Patch bare = PatchSamples.Random(model);
            using Patch full = bare.With(
                bare.Provenance with
                {
                    Float16Fingerprint = model.FingerprintAs(ScalarType.Float16),
                    BFloat16Fingerprint = model.FingerprintAs(ScalarType.BFloat16),
                }
            );
            PatchFile.Save(full, _folder.File("p"), overwrite: true);
            using Patch read = PatchFile.Load(_folder.File("p"));
            string name = type == ScalarType.Float16 ? " float16" : "bfloat16";
            foreach (string message in (string[])[Refusal(ofHalf, model), Refusal(read, half)])
            {
                Assert.Contains("half-precision twin", message, StringComparison.Ordinal);
                Assert.Contains(name, message, StringComparison.Ordinal);
            }
            using VitModel stranger = TinyVit.Create(seed: 5);
            Assert.DoesNotContain("twin", Refusal(read, stranger), StringComparison.Ordinal);
        }

        static string Refusal(Patch patch, VitModel other) =>
            Assert.Throws<BadInputException>(() => patch.RequireModel(other)).Message;
    }

    [Fact]
    public void Sums_need_deltas_of_one_space()
    {
        using VitModel model = TinyVit.Create();
        using VitModel deeper = TinyVit.Create(depth: 6);
        using Patch a = PatchSamples.Random(model);
        using Patch b = PatchSamples.Random(deeper);
        Assert.Throws<ArgumentException>(() => WeightDelta.Sum([a.Delta, b.Delta]));
        Assert.Throws<ArgumentException>(() => WeightDelta.Sum([]));
    }

    [Fact]
    public void Overlaps_are_those_counted_by_hand()
    {
        using VitModel model = TinyVit.Create();
        EditSpace space = EditSpace.Default(model.Config);
        using Patch a = PatchSamples.Of(
            model,
            new UnitSelection(
                space,
                [
                    [0, 1, 2],
                    [4],
                    [],
                    [],
                    [9],
                    [],
                ]
            )
        );
        using Patch b = PatchSamples.Of(
            model,
            new UnitSelection(
                space,
                [
                    [2, 3],
                    [4, 5],
                    [],
                    [],
                    [],
                    [9],
                ]
            )
        );
        using Patch c = PatchSamples.Of(
            model,
            new UnitSelection(
                space,
                [
                    [],
                    [],
                    [2, 4],
                    [],
                    [],
                    [],
                ]
            )
        );
        // Shared by a and b: unit 2 of the first matrix and 4 of the second; together they have 5 + 5 - 2.
        Assert.Equal([new PatchOverlap(0, 1, 2, 0.25)], PatchLedger.Overlaps([a, b, c]));
        Assert.Equal([new PatchOverlap(0, 1, 5, 1)], PatchLedger.Overlaps([a, a]));
        Assert.Empty(PatchLedger.Overlaps([a]));
    }

    [Fact]
    public void A_patch_of_another_model_is_refused_with_both_fingerprints()
    {
        using VitModel model = TinyVit.Create();
        using VitModel other = TinyVit.Create(seed: 5);
        using Patch good = PatchSamples.Random(model);
        using Patch foreign = PatchSamples.Random(other);
        string message = Assert.Throws<BadInputException>(() => PatchLedger.Apply(model, [good, foreign])).Message;
        Assert.Contains(model.Fingerprint, message, StringComparison.Ordinal);
        Assert.Contains(other.Fingerprint, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patch_whose_space_is_not_its_models_is_refused()
    {
        using VitModel model = TinyVit.Create();
        using VitModel deeper = TinyVit.Create(depth: 12);
        using VitModel wider = TinyVit.Create(hidden: 48);
        foreach (VitModel other in (VitModel[])[deeper, wider])
        {
            using Patch patch = PatchSamples.Of(
                other,
                TinyVit.RandomUnits(EditSpace.Default(other.Config), 0.3, 1),
                fingerprint: model.Fingerprint
            );
            Assert.Contains(
                "damaged",
                Assert.Throws<BadInputException>(() => PatchLedger.Apply(model, [patch])).Message,
                StringComparison.Ordinal
            );
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Applied_to_a_file_every_other_byte_stays_and_so_does_the_type(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        string source = _folder.File("source");
        string output = _folder.File("output");
        using (VitModel made = TinyVit.Create())
        {
            // Prefixed as a training script leaves them, with texts and an order of its own.
            SafeTensorsWriter.Write(
                source,
                made.Tensors.Select(t => ("model." + t.Key, t.Value.to(type))),
                new Dictionary<string, string> { ["num_heads"] = "3", ["note"] = "kept ü" },
                overwrite: false
            );
        }
        using ModelFile file = ModelFile.Load(source);
        EditSpace space = EditSpace.Default(file.Model.Config);
        using Patch patch = PatchSamples.Of(
            file.Model,
            new UnitSelection(
                space,
                [
                    [3],
                    [5, 7],
                    [],
                    [],
                    [],
                    [],
                ]
            )
        );
        file.WriteWith(output, PatchLedger.Edited(file.Model, [patch]), overwrite: false);

        byte[] before = File.ReadAllBytes(source);
        byte[] after = File.ReadAllBytes(output);
        Assert.Equal(before.Length, after.Length);
        using SafeTensorsFile old = SafeTensorsFile.Open(source);
        using SafeTensorsFile edited = SafeTensorsFile.Open(output);
        HashSet<long> may = [];
        foreach (int m in (int[])[0, 1])
        {
            TensorEntry entry = old.Tensors["model." + space.MatrixName(m)];
            int size = entry.DType.Size();
            for (int unit = 0; unit < 40; unit++)
            {
                if (!patch.Delta.Units[m].Contains(unit))
                    continue;
                for (int d = 0; d < 24; d++)
                {
                    long at =
                        before.Length
                        - old.Tensors.Values.Sum(t => t.Length)
                        + entry.Offset
                        + size * (m == 0 ? unit * 24 + d : d * 40 + unit);
                    may.UnionWith(Enumerable.Range(0, size).Select(i => at + i));
                }
            }
        }
        long[] changed = [.. Enumerable.Range(0, before.Length).Where(i => before[i] != after[i]).Select(i => (long)i)];
        Assert.NotEmpty(changed);
        Assert.All(changed, i => Assert.Contains(i, may));

        using ModelFile read = ModelFile.Load(output);
        using VitModel expected = PatchLedger.Apply(file.Model, [patch]);
        double tolerance = type switch
        {
            ScalarType.Float32 => 0,
            ScalarType.Float16 => 2e-3,
            _ => 2e-2,
        };
        Assert.All(
            read.Model.Tensors,
            t => Assert.InRange(TinyVit.MaxDifference(t.Value, expected.Tensors[t.Key]), 0, tolerance)
        );
    }
}
