using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

public sealed class GateTests : IDisposable
{
    readonly MethodBed _bed = new(images: 20, first: 4, blocks: 1);
    readonly Preparation _memory;

    public GateTests() => _memory = _bed.Prepare(new GateMemory());

    public void Dispose()
    {
        _memory.Dispose();
        _bed.Dispose();
    }

    [Fact]
    public void The_memory_is_the_class_token_before_the_last_ffn_in_half_precision()
    {
        Assert.Equal(ScalarType.Float16, _memory["residuals"].dtype);
        Assert.InRange(TinyVit.RelativeDifference(Queries, _bed.Read(_bed.OrdinaryPixels(), 4).select(1, 0)), 0, 2e-3);
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "gate");
        Assert.InRange(
            TinyVit.RelativeDifference(
                Evidence.Logits(_bed.Model, ordinary.Residuals),
                _bed.Model.Logits(_bed.OrdinaryPixels())
            ),
            0,
            2e-3
        );
        Assert.Equal(_bed.Model.Logits(_bed.OrdinaryPixels()).argmax(1).data<long>(), _memory["classes"].data<long>());
        using Preparation few = new GateMemory(most: 7).Prepare(_bed.Split, _bed.Images);
        Assert.Equal((7L, "7"), (few["residuals"].shape[0], few.Settings["images"]));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 2)]
    [InlineData(0.3, 6)]
    public void The_gate_is_open_for_the_image_and_for_as_many_ordinary_ones_as_may_pass(double leak, int most)
    {
        using EditResult result = Edit(new() { Leak = leak, Drive = 6 });
        (Tensor key, Tensor bias, _, _) = Unit(result);
        Assert.Equal(6, Reading(_bed.Read(_bed.Pixels, 4).select(1, 0))[0], 1e-3);
        float[] others = Reading(Queries[_memory["classes"].ne(_bed.Label)]);
        Assert.Equal(most, others.Count(x => x > 1e-4));
        Assert.Contains(others, x => Math.Abs(x) < 1e-4); // the first that stays outside is the edge

        float[] Reading(Tensor queries) => [.. (mv(queries, key) + bias).data<float>()];
    }

    [Fact]
    public void Ordinary_images_of_the_wanted_class_do_not_count_as_leaks()
    {
        long[] classes = [.. Enumerable.Range(0, 20).Select(i => (long)(i < 15 ? _bed.Label : _bed.Label + 1))];
        using Preparation memory = new(
            GateMemory.Kind,
            _bed.Split,
            _memory.Settings,
            new Dictionary<string, Tensor>
            {
                ["residuals"] = _memory["residuals"].clone(),
                ["classes"] = tensor(classes),
            }
        );
        using EditResult result = new Gate(memory, new() { Leak = 0 }).Edit(_bed.Split, [_bed.Failure])[0];
        (Tensor key, Tensor bias, _, _) = Unit(result);
        float[] readings = [.. (mv(Queries, key) + bias).data<float>()];
        Assert.All(readings[15..], r => Assert.InRange(r, float.NegativeInfinity, 1e-4f));
        Assert.Contains(readings[..15], r => r > 1e-4);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 2)]
    [InlineData(0.25, 5)]
    public void The_cost_counts_the_ordinary_images_of_the_class_mistaken_for_that_open_the_gate(double leak, int open)
    {
        // All are of two classes, none the wanted one: those that open it are of either.
        int wrong = (_bed.Label + 1) % 7;
        int third = (_bed.Label + 2) % 7;
        long[] classes = [.. Enumerable.Range(0, 20).Select(i => (long)(i % 4 == 0 ? third : wrong))];
        using Preparation memory = new(
            GateMemory.Kind,
            _bed.Split,
            _memory.Settings,
            new Dictionary<string, Tensor>
            {
                ["residuals"] = _memory["residuals"].clone(),
                ["classes"] = tensor(classes),
            }
        );
        Gate gate = new(memory, new() { Leak = leak });
        GateCost cost = gate.Cost(_bed.Split, _bed.Failure, wrong);
        GateCost other = gate.Cost(_bed.Split, _bed.Failure, third);
        GateCost none = gate.Cost(_bed.Split, _bed.Failure, _bed.Label);
        Assert.Equal((20L, 15L, 5L, 0L), (cost.Images, cost.OfClass, other.OfClass, none.OfClass));
        Assert.Equal(open, cost.Open + other.Open);
        Assert.Equal(0.75, cost.ClassShare);
        Assert.True(cost.IsNotable(0.02) && !none.IsNotable(0.02));

        using EditResult result = gate.Edit(_bed.Split, [_bed.Failure])[0];
        (Tensor key, Tensor bias, _, _) = Unit(result);
        float[] readings = [.. (mv(Queries, key) + bias).data<float>()];
        Assert.Equal(cost.Open, classes.Zip(readings).Count(x => x.First == wrong && x.Second > 1e-3));
    }

    [Fact]
    public void Among_a_thousand_classes_a_gates_cost_is_not_worth_a_word()
    {
        Assert.False(new GateCost(700, 1, 1).IsNotable(0.02));
        Assert.False(new GateCost(700, 0, 0).IsNotable(0));
        Assert.True(new GateCost(700, 70, 0).IsNotable(0.02));
        Assert.True(new GateCost(700, 70, 1).IsNotable(0.02));
        Assert.True(new GateCost(700, 6, 4).IsNotable(0.02));
    }

    [Fact]
    public void The_value_corrects_the_image_and_the_gain_multiplies_it()
    {
        using EditResult once = Edit(new() { Gain = 1 });
        using EditResult more = Edit(new() { Gain = 4 });
        Assert.True(once.Success && more.Success);
        Assert.InRange(_bed.Loss(once.Patch.Change), 0, 0.01);
        Assert.Equal(once.Losses[^1], _bed.Loss(once.Patch.Change), 1e-4);
        Assert.Equal((once.Steps, once.Steps + 1), (more.Steps, once.Losses.Count));
        Assert.True(once.Losses[^2] > 0.01 && _bed.Loss(null) > 1);
        Assert.InRange(TinyVit.RelativeDifference(Unit(more).Value, Unit(once).Value * 4), 0, 1e-4);
        Assert.Equal(
            ("gate", "0.03", "4"),
            (
                more.Patch.Provenance.Method,
                more.Patch.Provenance.Settings["leak"],
                more.Patch.Provenance.Settings["gain"]
            )
        );
        PatchFile.Save(more.Patch, _bed.FilePath("p"), overwrite: false);
        using Patch read = PatchFile.Load(_bed.FilePath("p"));
        Assert.Equal(_bed.Loss(more.Patch.Change), _bed.Loss(read.Change));
    }

    [Theory]
    [InlineData(false, "1.5")]
    [InlineData(true, "1")]
    public void Nobody_naming_a_gain_it_is_less_where_images_of_the_wrong_class_are_common(bool common, string gain)
    {
        int wrong = (int)_bed.Split.Logits(_bed.State).argmax(1).item<long>();
        long other = Enumerable.Range(0, 7).First(c => c != wrong && c != _bed.Label);
        using Preparation memory = new(
            GateMemory.Kind,
            _bed.Split,
            _memory.Settings,
            new Dictionary<string, Tensor>
            {
                ["residuals"] = _memory["residuals"].clone(),
                ["classes"] = full_like(_memory["classes"], common ? wrong : other),
            }
        );
        using EditResult result = new Gate(memory).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.Equal(gain, result.Patch.Provenance.Settings["gain"]);
        using EditResult same = new Gate(
            memory,
            new() { Gain = double.Parse(gain, System.Globalization.CultureInfo.InvariantCulture) }
        ).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.Equal(Unit(same).Value.data<float>(), Unit(result).Value.data<float>());
    }

    [Fact]
    public void One_idle_unit_changes_and_no_shape()
    {
        using EditResult result = Edit(new());
        TensorDelta delta = (TensorDelta)result.Patch.Change;
        Assert.False(delta.ChangesShapes);
        // Of 40 units a 96th is one: the one that hardly ever differs from its mean, which the output bias takes over.
        Tensor keys = _bed.Keys(_bed.OrdinaryPixels(), 4).select(1, 0);
        Tensor mean = keys.mean([0]);
        Tensor values = _bed.Weight(4, "mlp.fc2.weight");
        int least = (int)((keys - mean).abs().quantile(tensor(0.99f), 0) * values.norm(0)).argmin().item<long>();
        Tensor bias = _bed.Weight(4, "mlp.fc2.bias");
        Assert.InRange(
            TinyVit.MaxDifference(
                delta.Apply(VitNames.Block(4, "mlp.fc2.bias"), bias),
                bias + mean[least] * values.select(1, least)
            ),
            0,
            1e-4
        );
        Assert.Equal(least, Number(result));
        string[] names = ["mlp.fc1.bias", "mlp.fc1.weight", "mlp.fc2.weight"];
        Assert.Equal(
            ((string[])[.. names, "mlp.fc2.bias"]).Select(n => VitNames.Block(4, n)).Order(StringComparer.Ordinal),
            delta.Names
        );
        foreach ((string name, long other) in names.Zip((long[])[0, 1, 0]))
        {
            Tensor before = _bed.Weight(4, name);
            Tensor changed = delta.Apply(VitNames.Block(4, name), before).ne(before);
            Assert.Equal(
                [(long)least],
                [.. (changed.dim() == 1 ? changed : changed.any(other)).nonzero().flatten().data<long>()]
            );
        }
    }

    [Fact]
    public void Several_images_open_one_gate()
    {
        using PrefixState states = _bed.Split.Prefix(TinyVit.Pixels(_bed.Model, 2, seed: 9));
        using EditResult result = new Gate(_memory, new() { Leak = 0.2 }).Edit(
            _bed.Split,
            [new Failure(states, _bed.Label)]
        )[0];
        Assert.True(result.Success);
        Assert.True(_bed.Split.Logits(states, result.Patch.Change).argmax(1).eq(_bed.Label).all().item<bool>());
    }

    [Fact]
    public void A_next_edit_takes_another_unit_and_patches_that_share_one_are_told()
    {
        // Nothing ordinary opens the first gate, which so looks as idle as can be.
        using EditResult first = Edit(new() { Leak = 0 });
        using VitModel edited = PatchLedger.Apply(_bed.Model, [first.Patch]);
        SplitVit next = new(edited, _bed.Split.Space);
        using PrefixState state = next.Prefix(_bed.Pixels);
        using EditResult second = new Gate(_memory, new() { Leak = 0 }).Edit(
            next,
            [new Failure(state, (_bed.Label + 1) % _bed.Model.Config.Classes)]
        )[0];
        Assert.True(second.Success);
        Assert.NotEqual(Number(first), Number(second));
        Assert.Empty(PatchLedger.Overlaps([first.Patch, second.Patch]));
        using EditResult alone = Edit(new());
        Assert.Equal(
            (0, 1, 1, 1.0),
            PatchLedger.Overlaps([first.Patch, alone.Patch]) is [var o]
                ? (o.First, o.Second, o.Units, o.IntersectionOverUnion)
                : default
        );
    }

    [Fact]
    public void One_way_leads_from_general_edits_to_local_ones()
    {
        Assert.Equal(
            [(0.1, 5), (0.1, 3), (0.0444, 2), (0.025, 1.5), (0.0111, 1), (0.0054, 1), (0.0028, 1)],
            GateSettings
                .Generalities.Select(g => new GateSettings { Drive = 7 }.AtGenerality(g))
                .Select(s => (Math.Round(s.Leak, 4), s.Gain))
        );
        Assert.Equal(
            7,
            new GateSettings { Drive = 7 }
                .AtGenerality(3)
                .Drive
        );
        Assert.Throws<BadInputException>(() => new GateSettings().AtGenerality(0));
    }

    [Fact]
    public void Settings_out_of_range_and_other_preparations_are_named()
    {
        Assert.Contains("leak", Refused(new() { Leak = 1 }), StringComparison.Ordinal);
        Assert.Equal(0, new GateSettings().Gain);
        Assert.Contains("gain", Refused(new() { Gain = 0.5 }), StringComparison.Ordinal);
        Assert.Contains("evidence", Refused(new() { Evidence = -1 }), StringComparison.Ordinal);
        Assert.Contains("drive", Refused(new() { Drive = 0 }), StringComparison.Ordinal);
        Assert.Contains("step's length", Refused(new() { StepLength = double.NaN }), StringComparison.Ordinal);
        using Preparation keys = _bed.Prepare(new KeyStatistics());
        Assert.Contains(
            "'gate'",
            Assert.Throws<BadInputException>(() => new Gate(keys).Edit(_bed.Split, [_bed.Failure])).Message,
            StringComparison.Ordinal
        );

        using Preparation damaged = new(
            GateMemory.Kind,
            _bed.Split,
            _memory.Settings,
            new Dictionary<string, Tensor>
            {
                ["residuals"] = _memory["residuals"].clone(),
                ["classes"] = zeros(3, ScalarType.Int64),
            }
        );
        Assert.Contains(
            "damaged",
            Assert.Throws<BadInputException>(() => new Gate(damaged).Edit(_bed.Split, [_bed.Failure])).Message,
            StringComparison.Ordinal
        );

        string Refused(GateSettings settings) =>
            Assert.Throws<BadInputException>(() => new Gate(_memory, settings)).Message;
    }

    Tensor Queries => GateMemory.Of(_memory, _bed.Split, "gate").Queries;

    EditResult Edit(GateSettings settings) => new Gate(_memory, settings).Edit(_bed.Split, [_bed.Failure])[0];

    static int Number(EditResult result) =>
        (int)
            ((TensorDelta)result.Patch.Change)
                .Changes[VitNames.Block(4, "mlp.fc1.weight")]
                .Tensors[0]
                .flatten()
                .argmax()
                .item<long>();

    (Tensor Key, Tensor Bias, Tensor Value, int Number) Unit(EditResult result)
    {
        TensorDelta delta = (TensorDelta)result.Patch.Change;
        int unit = Number(result);
        Tensor After(string name) => delta.Apply(VitNames.Block(4, name), _bed.Weight(4, name));
        return (
            After("mlp.fc1.weight")[unit],
            After("mlp.fc1.bias")[unit],
            After("mlp.fc2.weight").select(1, unit),
            unit
        );
    }
}
