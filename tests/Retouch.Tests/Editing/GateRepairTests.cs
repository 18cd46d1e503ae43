using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>Repairs of random images on a tiny model: what gates do and what is said of them.</summary>
public sealed class GateRepairTests : IDisposable
{
    readonly MethodBed _bed = new(images: 20, first: 4, blocks: 1);
    readonly Preparation _memory;
    readonly Tensor _pixels;
    readonly PrefixState _state;
    readonly Tensor _residuals;

    public GateRepairTests()
    {
        _memory = _bed.Prepare(new GateMemory());
        using Generator generator = new(9, CPU);
        int size = _bed.Model.Config.ImageSize;
        _pixels = randn([6, 3, size, size], generator: generator);
        _state = _bed.Split.Prefix(_pixels);
        _residuals = GateRepair.Residuals(_bed.Split, _state);
    }

    public void Dispose()
    {
        _state.Dispose();
        _memory.Dispose();
        _bed.Dispose();
    }

    [Theory]
    // None mended, fewer than half, half, all.
    [InlineData(10, 0, 0, 0, 50, 0, false)]
    [InlineData(10, 4, 0, 0, 50, 0, false)]
    [InlineData(10, 5, 0, 0, 50, 0, true)]
    [InlineData(10, 10, 0, 0, 50, 0, true)]
    [InlineData(0, 0, 0, 0, 0, 0, false)]
    // 0.5 · 50 = 25 mended in all; 0.1 · 250 = 25 and 0.11 · 250 = 27.5 broken.
    [InlineData(10, 5, 100, 10, 50, 250, true)]
    [InlineData(10, 5, 100, 11, 50, 250, false)]
    // As many are broken as were mended, but of far fewer.
    [InlineData(10, 8, 8, 1, 50, 16, true)]
    [InlineData(10, 8, 8, 8, 50, 16, true)]
    public void Mistakes_generalize_where_half_of_those_left_out_are_mended_and_fewer_images_broken(
        int failing,
        int mended,
        int right,
        int broken,
        int failingInAll,
        int rightInAll,
        bool generalizes
    ) =>
        Assert.Equal(
            generalizes,
            new RepairTrial(failing, mended, right, broken, failingInAll, rightInAll).Generalizes
        );

    [Fact]
    public void Where_no_ordinary_images_are_known_right_ones_stand_for_them()
    {
        IReadOnlyList<int> said = GateRepair.Predict(_bed.Split, _residuals, null);
        RepairImages near = new(_residuals.narrow(0, 2, 4), [.. said.Skip(2)]);
        RepairImages failing = new(_residuals.narrow(0, 0, 2), Labels.Take(2).ToArray());
        using RepairOutcome outcome = new GateRepair(new() { Widen = 16, Shared = false }).Repair(
            _bed.Split,
            new RepairInput(failing, near, null)
        );
        IReadOnlyList<int> after = GateRepair.Predict(_bed.Split, _residuals, outcome.Change);
        Assert.Equal(outcome.Corrected, after.Take(2).Zip(Labels, (a, l) => a == l));
        Assert.Contains(true, outcome.Corrected);
        Assert.Equal(said.Skip(2), after.Skip(2));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(16, false)]
    [InlineData(16, true)]
    public void What_is_predicted_from_one_token_is_what_the_model_says(int widen, bool shared)
    {
        using RepairOutcome outcome = Repair(
            new()
            {
                Widen = widen,
                Shared = shared,
                Steps = 30,
            }
        );
        using Tensor full = _bed.Split.Logits(_state, outcome.Change);
        IReadOnlyList<int> said = GateRepair.Predict(_bed.Split, _residuals, outcome.Change);
        Assert.Equal(full.argmax(1).data<long>().Select(c => (int)c), said);
        Assert.Equal(
            _bed.Split.Logits(_state).argmax(1).data<long>().Select(c => (int)c),
            GateRepair.Predict(_bed.Split, _residuals, null)
        );
        Assert.Equal(said.Zip(Labels, (s, l) => s == l), outcome.Corrected);
        Assert.Equal(outcome.Corrected.Select(c => !c), outcome.Why.Select(w => w is not null));
        Assert.Equal(widen == 0 ? 0 : outcome.SharedUnits + outcome.OwnUnits, outcome.AddedUnits);
        Assert.Equal(widen > 0, outcome.Change!.ChangesShapes);
        using VitModel edited = PatchLedger.Apply(_bed.Model, [PatchOf(outcome.Change)]);
        Assert.Equal(said, edited.Logits(_pixels).argmax(1).data<long>().Select(c => (int)c));
    }

    [Fact]
    public void Mistakes_that_a_trial_finds_alike_get_shared_gates()
    {
        // Twelve images that are nearly the same, all of one class.
        using Generator generator = new(10, CPU);
        using Tensor failing =
            _residuals.narrow(0, 0, 1) + randn([12, _residuals.shape[1]], generator: generator) * 0.01f;
        RepairInput input = new(
            new RepairImages(failing, [.. Enumerable.Repeat(Labels[0], 12)]),
            new RepairImages(_residuals.narrow(0, 2, 4), [.. GateRepair.Predict(_bed.Split, _residuals, null).Skip(2)]),
            _memory
        );
        using RepairOutcome outcome = new GateRepair(new() { Widen = 16 }).Repair(_bed.Split, input, seed: 3);
        Assert.True(outcome.Trial!.Generalizes);
        Assert.True(outcome.SharedUnits > 0);
        Assert.All(outcome.Corrected, Assert.True);
    }

    [Fact]
    public void Every_image_is_remembered_where_units_are_many_and_as_many_as_there_are_otherwise()
    {
        using RepairOutcome all = Repair(new() { Widen = 6, Shared = false });
        Assert.All(all.Corrected, Assert.True);
        Assert.Equal((0, 6, null), (all.SharedUnits, all.OwnUnits, all.Trial));
        using RepairOutcome few = Repair(new() { Widen = 4, Shared = false });
        Assert.Equal(4, few.Corrected.Count(c => c));
        Assert.Equal(2, few.Why.Count(w => w == "the hidden units are used up"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_units()
    {
        using RepairOutcome one = Repair(
            new()
            {
                Widen = 8,
                Shared = true,
                Steps = 20,
            }
        );
        using RepairOutcome two = Repair(
            new()
            {
                Widen = 8,
                Shared = true,
                Steps = 20,
            }
        );
        Assert.InRange(one.Losses.Count, 1, 20);
        Assert.Equal(one.Losses.OrderDescending(), one.Losses);
        Assert.Equal(one.Losses, two.Losses);
        Assert.All(
            one.Change!.Changes,
            c => Assert.Equal(c.Value.Tensors[0].bytes.ToArray(), two.Change!.Changes[c.Key].Tensors[0].bytes.ToArray())
        );
    }

    [Fact]
    public void An_own_gate_is_open_for_its_image_and_shut_for_all_known_ones()
    {
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "repair");
        LastFfn ffn = LastFfn.Measured(_bed.Model, ordinary, []);
        Tensor read = ffn.Read(_residuals);
        GateUnits none = GateUnits.None(ffn.Mean.shape[0], CPU);
        for (int i = 0; i < 6; i++)
        {
            long[] rest = [.. Enumerable.Range(0, 6).Where(j => j != i).Select(j => (long)j)];
            Tensor others = cat([ordinary.Queries, read.index_select(0, tensor(rest))], 0);
            (GateUnits? made, string? why) = new OwnGates(ffn, new()).Make(_residuals[i], none, Labels[i], others);
            Assert.Null(why);
            GateUnits gate = made!.Value;
            float own = Opening(gate, read.narrow(0, i, 1))[0];
            Assert.True(own > 0.5, $"{own}");
            Assert.All(Opening(gate, others), o => Assert.InRange(o, float.NegativeInfinity, 1e-3f));
            // Just enough: the class leads by about one logit.
            Tensor one = _residuals.narrow(0, i, 1);
            Tensor logits = ffn.Logits(ffn.After(one, ffn.Sum(ffn.Read(one), gate)))[0];
            Tensor sorted = logits.sort(descending: true).Values;
            Assert.Equal(Labels[i], (int)logits.argmax().item<long>());
            Assert.InRange((sorted[0] - sorted[1]).item<float>(), 0.99, 2.5);
        }

        static float[] Opening(GateUnits gate, Tensor read) =>
            [.. nn.functional.linear(read, gate.Keys, gate.Biases).flatten().data<float>()];
    }

    [Fact]
    public void An_image_that_looks_like_one_that_should_stay_gets_no_gate()
    {
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "repair");
        LastFfn ffn = LastFfn.Measured(_bed.Model, ordinary, []);
        Tensor read = ffn.Read(_residuals);
        GateUnits none = GateUnits.None(ffn.Mean.shape[0], CPU);
        Tensor further = ffn.Mean.Plus((read[0] - ffn.Mean) * 1.1f).unsqueeze(0);
        (GateUnits? gate, string? why) = new OwnGates(ffn, new()).Make(_residuals[0], none, Labels[0], further);
        Assert.Null(gate);
        Assert.Contains("looks the same", why, StringComparison.Ordinal);
        // A copy of it says nothing against it.
        Assert.NotNull(new OwnGates(ffn, new()).Make(_residuals[0], none, Labels[0], read.narrow(0, 0, 1)).Gate);
    }

    [Theory]
    [InlineData("average of all")]
    [InlineData("map")]
    public void Where_tokens_are_pooled_its_gate_may_open_for_some_that_look_like_it(string variant)
    {
        using MethodBed bed = new(images: 20, first: 2, blocks: 1, config: TinyVit.Architectures[variant]);
        using Preparation memory = bed.Prepare(new GateMemory());
        using DisposeScope scope = NewDisposeScope();
        using Tensor residuals = GateRepair.Residuals(bed.Split, bed.State);
        LastFfn ffn = LastFfn.Measured(bed.Model, GateMemory.Of(memory, bed.Split, "repair"), []);
        Tensor read = ffn.Read(residuals);
        GateUnits none = GateUnits.None(ffn.Mean.shape[0], CPU);
        // Of eleven others one lies beyond it.
        Tensor others = cat(
            [
                HeadTokens.Sampled(bed.Model.Config, ffn.Ordinary.Read).narrow(0, 0, 10),
                ffn.Mean.Plus((read - ffn.Mean) * 1.2f),
            ],
            0
        );
        (GateUnits? gate, string? why) = Made(0);
        Assert.Null(gate);
        Assert.Contains("looks the same", why, StringComparison.Ordinal);
        Assert.Null(Made(0.05).Gate);
        Assert.NotNull(Made(0.1).Gate);

        (GateUnits? Gate, string? Why) Made(double leak) =>
            new OwnGates(ffn, new() { Leak = leak }).Make(residuals[0], none, bed.Label, others);
    }

    [Fact]
    public void A_classes_direction_raises_its_logit_by_one_and_others_less()
    {
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "repair");
        LastFfn ffn = LastFfn.Measured(_bed.Model, ordinary, []);
        int[] classes = [.. Enumerable.Range(0, 7)];
        Tensor directions = ffn.Directions(classes);
        Tensor sum = ffn.Sum(ordinary.Read, GateUnits.None(ffn.Mean.shape[0], CPU));
        Tensor after = ffn.After(ordinary.Residuals, sum);
        foreach (int c in classes)
        {
            const float small = 0.01f;
            Tensor moved = ffn.Logits(after.Plus(directions[c] * small)) - ffn.Logits(after);
            moved = (moved - moved.mean([1], keepdim: true)).mean([0]) / small;
            Assert.Equal(c, (int)moved.argmax().item<long>());
            Assert.InRange(moved[c].item<float>(), 0.5, 1.5);
        }
    }

    [Fact]
    public void Settings_are_checked_and_lead_from_general_to_local()
    {
        foreach (
            RepairSettings wrong in (RepairSettings[])
                [
                    new() { Widen = -1 },
                    new() { Shift = double.NaN },
                    new() { Shift = double.PositiveInfinity },
                    new() { Decay = 0 },
                    new() { Steps = 0 },
                    new() { Edge = 1 },
                ]
        )
            Assert.Throws<BadInputException>(() => new GateRepair(wrong));
        Assert.Equal(RepairSettings.Shifts.OrderDescending(), RepairSettings.Shifts);
        Assert.Contains(new RepairSettings().Shift, RepairSettings.Shifts);
    }

    [Fact]
    public void A_shared_gate_of_a_class_opens_for_its_images_and_raises_it()
    {
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "repair");
        LastFfn ffn = LastFfn.Measured(_bed.Model, ordinary, []);
        // Three images of each of two classes.
        int[] labels = [1, 1, 1, 4, 4, 4];
        RepairImages failing = new(_residuals, labels);
        (GateUnits gates, IReadOnlyList<float> losses) = new SharedGates(ffn, new() { Decay = 1e-4 }).Learn(
            failing,
            RepairInput.None((int)_residuals.shape[1]),
            8,
            rightAreExamples: true,
            null,
            default
        );
        Assert.Equal(2, gates.Count);
        Assert.Equal(losses.OrderDescending(), losses);
        Tensor read = ffn.Read(_residuals);
        Tensor open = nn.functional.linear(read, gates.Keys, gates.Biases); // [6,2]
        int[] classes = [1, 4];
        for (int i = 0; i < 6; i++)
        {
            int own = Array.IndexOf(classes, labels[i]);
            Assert.True(open[i, own].item<float>() > Math.Max(open[i, 1 - own].item<float>(), 0));
        }
        // Ordinary images that the model gives other classes leave both shut, but for few.
        Tensor shut = nn.functional.linear(ordinary.Queries, gates.Keys, gates.Biases).max(1).values;
        Tensor other = ordinary.Classes.ne(labels[0]).logical_and(ordinary.Classes.ne(labels[3]));
        Assert.True(shut.masked_select(other).gt(0).sum().item<long>() <= other.sum().item<long>() / 4);
        // Of fewer units the classes that most images want come first.
        RepairImages none = RepairInput.None((int)_residuals.shape[1]);
        Assert.Equal(1, new SharedGates(ffn, new()).Learn(failing, none, 1, true, null, default).Gates.Count);
    }

    [Fact]
    public void Cancelled_between_steps_it_stops()
    {
        using CancellationTokenSource source = new();
        Progress told = new(p =>
        {
            if (p.Step == 3)
                source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() =>
            new GateRepair(new() { Shared = true, Steps = 50 }).Repair(
                _bed.Split,
                Input,
                progress: told,
                cancellation: source.Token
            )
        );
        Assert.Equal(3, told.Count);
    }

    // A class that each surely is not given.
    int[] Labels => [.. _bed.Split.Logits(_state).argmin(1).data<long>().Select(c => (int)c)];

    RepairInput Input => new(new RepairImages(_residuals, Labels), RepairInput.None(_bed.Model.Config.Width), _memory);

    RepairOutcome Repair(RepairSettings settings) => new GateRepair(settings).Repair(_bed.Split, Input, seed: 3);

    Patch PatchOf(TensorDelta change) =>
        new(
            change,
            new PatchProvenance
            {
                ModelFingerprint = _bed.Model.Fingerprint,
                Label = 0,
                Method = GateRepair.Name,
                Settings = new Dictionary<string, string>(),
            }
        );

    sealed class Progress(Action<EditProgress> told) : IProgress<EditProgress>
    {
        public int Count { get; private set; }

        public void Report(EditProgress value)
        {
            Count++;
            told(value);
        }
    }
}
