using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

public sealed class KfacTests : IDisposable
{
    // 20 tokens: fewer than the 24 and 40 dimensions, which leaves null spaces
    readonly MethodBed _bed = new(images: 2);
    readonly Preparation _inputs;

    public KfacTests() => _inputs = _bed.Prepare(new InputStatistics());

    public void Dispose()
    {
        _inputs.Dispose();
        _bed.Dispose();
    }

    [Fact]
    public void An_edit_corrects_the_image_and_its_patch_is_the_edit()
    {
        using EditResult result = Edit(new());
        Assert.True(result.Success);
        Assert.InRange(_bed.Loss(result.Patch.Change), 0, 0.01);
        Assert.Equal(result.Losses[^1], _bed.Loss(result.Patch.Change), 1e-4);
        Assert.True(_bed.Loss(null) > 1);
        PatchFile.Save(result.Patch, _bed.FilePath("p"), overwrite: false);
        using Patch read = PatchFile.Load(_bed.FilePath("p"));
        Assert.Equal(_bed.Loss(result.Patch.Change), _bed.Loss(read.Change));
        Assert.Equal(("kfac", "0.1"), (read.Provenance.Method, read.Provenance.Settings["damping"]));
    }

    [Fact]
    public void Usually_a_twentieth_of_the_units_changes_those_with_the_largest_gradients_for_their_use()
    {
        using EditResult result = new Kfac(_inputs).Edit(_bed.Split, [_bed.Failure])[0];
        UnitSelection largest = new FisherLocator(_inputs).Locate(_bed.Split, _bed.Failure).Keep(0.05);
        Assert.Equal(1, result.Patch.Delta.Units.IntersectionOverUnion(largest));
        Assert.Equal(
            ("fisher", "0.05"),
            (result.Patch.Provenance.Settings["locator"], result.Patch.Provenance.Settings["keep"])
        );
    }

    [Fact]
    public void One_way_leads_from_general_edits_to_local_ones()
    {
        Assert.Equal(
            [(1, 16), (0.1, 16), (0.1, 12), (0.1, 8), (0.1, 4), (0.1, 0), (0.03, 0), (0.01, 0)],
            KfacSettings
                .Generalities.Select(g => new KfacSettings { StepLength = 7 }.AtGenerality(g))
                .Select(s => (Math.Round(s.Damping, 9), s.StopMargin))
        );
        Assert.Equal(
            7,
            new KfacSettings { StepLength = 7 }
                .AtGenerality(3)
                .StepLength
        );
        Assert.Throws<BadInputException>(() => new KfacSettings().AtGenerality(0));
    }

    [Fact]
    public void With_endless_damping_or_inputs_that_are_all_alike_a_step_is_the_gradients()
    {
        Tensor[] gradients = Gradients();
        Dictionary<string, Tensor> unit = [];
        for (int m = 0; m < _bed.Split.Space.Matrices; m++)
        {
            long size = m % 2 == 0 ? 24 : 40;
            PackedMoment.Pack(
                unit,
                _bed.Split.Space.MatrixName(m),
                eye(size, dtype: ScalarType.Float64),
                zeros([size], ScalarType.Float64)
            );
        }
        using Preparation alike = new(InputStatistics.Kind, _bed.Split, new Dictionary<string, string>(), unit);
        using EditResult one = new Kfac(
            alike,
            new()
            {
                KeepRatio = 1,
                StepLength = 1e-4,
                MaxSteps = 1,
            },
            new AllLocator()
        ).Edit(_bed.Split, [_bed.Failure])[0];
        Tensor[] moved = [.. one.Patch.Delta.Rows];
        double scale = moved.Sum(r => r.square().sum().item<float>());
        double slope = gradients.Sum(g => g.square().sum().item<float>());
        for (int m = 0; m < moved.Length; m++)
            Assert.InRange(TinyVit.RelativeDifference(moved[m], gradients[m] * -Math.Sqrt(scale / slope)), 0, 1e-3);

        // Of real inputs each matrix alone: the moments' scale is what is left of them.
        using EditResult endless = Edit(
            new()
            {
                Damping = 1e9,
                StepLength = 1e-4,
                MaxSteps = 1,
            }
        );
        for (int m = 0; m < moved.Length; m++)
            Assert.Equal(1, Cosine(endless.Patch.Delta.Rows[m], -gradients[m]), 1e-4);
    }

    [Fact]
    public void A_step_is_the_gradient_times_the_damped_inverse_on_the_inputs_side()
    {
        Tensor[] gradients = Gradients();
        using EditResult result = Edit(
            new()
            {
                Damping = 0.3,
                StepLength = 1e-4,
                MaxSteps = 1,
            }
        );
        Tensor[] expected =
        [
            .. gradients.Select(
                (g, m) =>
                {
                    Tensor moment = Moment(m);
                    Tensor inverse = linalg
                        .inv(moment + eye(moment.shape[0], dtype: ScalarType.Float64) * moment.diagonal().mean() * 0.3)
                        .to(ScalarType.Float32);
                    // fc1 [H,D]·[D,D]; fc2, transposed, [H,H]·[H,D]
                    return m % 2 == 0 ? mm(g, inverse) : mm(inverse, g);
                }
            ),
        ];
        double length = Math.Sqrt(expected.Sum(e => e.square().sum().item<float>()));
        double taken = Math.Sqrt(result.Patch.Delta.Norms().Sum(n => n * n));
        for (int m = 0; m < expected.Length; m++)
            Assert.InRange(
                TinyVit.RelativeDifference(result.Patch.Delta.Rows[m], expected[m] * (-taken / length)),
                0,
                2e-3
            );
    }

    [Fact]
    public void All_tokens_can_have_a_part_in_the_gradient()
    {
        Tensor[] all = Gradients(onlyClass: false);
        Tensor[] own = Gradients();
        using EditResult result = Edit(
            new()
            {
                OnlyClass = false,
                Damping = 1e9,
                StepLength = 1e-4,
                MaxSteps = 1,
            }
        );
        for (int m = 0; m < all.Length; m++)
        {
            Assert.Equal(1, Cosine(result.Patch.Delta.Rows[m], -all[m]), 1e-4);
            Assert.InRange(Cosine(own[m], all[m]), -1, 0.99);
        }
        Assert.Equal("all", result.Patch.Provenance.Settings["tokens"]);
    }

    [Fact]
    public void A_model_that_averages_its_patches_is_edited_by_all_tokens()
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants.Values.First(c => c.Pooling != VitPooling.ClassToken));
        SplitVit split = new(model, EditSpace.Last(model.Config));
        using Preparation inputs = new InputStatistics().Prepare(split, _bed.Images);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        using EditResult result = new Kfac(inputs).Edit(
            split,
            [new Failure(state, (int)split.Logits(state).argmin(1).item<long>())]
        )[0];
        Assert.True(result.Success);
        Assert.Equal("all", result.Patch.Provenance.Settings["tokens"]);

        using EditSession session = new(split, state, [UnitSelection.All(split.Space)]);
        Tensor logits = session.Logits();
        Assert.Throws<ArgumentException>(() => session.Gradients(logits, onlyClass: true));
    }

    [Fact]
    public void The_usual_window_is_the_last_three_blocks_and_that_of_published_methods_the_papers()
    {
        VitConfig twelve = VitConfigOf(12);
        VitConfig two = VitConfigOf(2);
        Assert.Equal(
            ("9-11", "7-9"),
            (Methods.Find("kfac").Window(twelve).BlockRange, Methods.Find("rome").Window(twelve).BlockRange)
        );
        Assert.Equal("0-1", EditSpace.Last(two).BlockRange);

        static VitConfig VitConfigOf(int depth)
        {
            using VitModel model = TinyVit.Create(depth: depth);
            return model.Config;
        }
    }

    [Fact]
    public void With_little_damping_what_ordinary_images_read_is_left_alone()
    {
        double[] shares =
        [
            .. ((double[])[1e3, 1, 1e-3]).Select(damping =>
            {
                using EditResult result = Edit(new() { Damping = damping });
                Assert.True(result.Success);
                double ordinary = 0;
                double all = 0;
                for (int m = 0; m < _bed.Split.Space.Matrices; m++)
                {
                    Tensor rows = result.Patch.Delta.Rows[m].to(ScalarType.Float64);
                    Tensor change = m % 2 == 0 ? rows : rows.t();
                    Tensor moment = Moment(m);
                    ordinary += mm(mm(change, moment), change.t()).diagonal().sum().item<double>(); // E‖Δ·x‖²
                    all += change.square().sum().item<double>() * moment.diagonal().mean().item<double>();
                }
                return ordinary / all;
            }),
        ];
        Assert.True(
            shares[0] > 3 * shares[1] && shares[1] > 3 * shares[2] && shares[2] < 1e-2,
            string.Join(", ", shares)
        );
    }

    [Fact]
    public void Masked_units_alone_change_and_their_metric_is_the_restricted_moments()
    {
        UnitSelection units = TinyVit.RandomUnits(_bed.Split.Space, 0.3, seed: 4);
        Tensor[] gradients = Gradients();
        Kfac editor = new(
            _inputs,
            new()
            {
                Damping = 0.3,
                StepLength = 1e-4,
                MaxSteps = 1,
            }
        );
        using EditResult result = editor.Edit(_bed.Split, [_bed.Failure], [units])[0];
        Assert.Equal(units.Count, result.Patch.Delta.Units.Count);
        for (int m = 0; m < gradients.Length; m++)
        {
            Assert.True(units[m].SequenceEqual(result.Patch.Delta.Units[m]));
            Tensor chosen = tensor(units[m].ToArray().Select(u => (long)u).ToArray());
            Tensor some = gradients[m].index_select(0, chosen);
            Tensor moment = Moment(m);
            Tensor damped = moment + eye(moment.shape[0], dtype: ScalarType.Float64) * moment.diagonal().mean() * 0.3;
            Tensor expected =
                m % 2 == 0
                    ? mm(some, linalg.inv(damped).to(ScalarType.Float32))
                    : mm(
                        linalg.inv(damped.index_select(0, chosen).index_select(1, chosen)).to(ScalarType.Float32),
                        some
                    );
            Assert.Equal(1, Cosine(result.Patch.Delta.Rows[m], -expected), 1e-4);
        }
    }

    [Fact]
    public void An_edit_in_a_batch_is_the_edit_alone_under_any_masks_and_twice_the_same()
    {
        using PrefixState states = _bed.Split.Prefix(TinyVit.Pixels(_bed.Model, 3, seed: 9));
        PrefixState[] each = [.. Enumerable.Range(0, 3).Select(i => states.Select([i]))];
        Failure[] failures =
        [
            .. each.Select((s, i) => new Failure(s, (int)_bed.Split.Logits(s).argsort(1)[0, i].item<long>())),
        ];
        UnitSelection[] units =
        [
            TinyVit.RandomUnits(_bed.Split.Space, 0.5, 1),
            UnitSelection.All(_bed.Split.Space),
            TinyVit.RandomUnits(_bed.Split.Space, 0.8, 2),
        ];
        Kfac editor = new(_inputs, new() { Damping = 0.3 });
        IReadOnlyList<EditResult> together = editor.Edit(_bed.Split, failures, units);
        IReadOnlyList<EditResult> again = editor.Edit(_bed.Split, failures, units);
        for (int i = 0; i < 3; i++)
        {
            using EditResult alone = editor.Edit(_bed.Split, [failures[i]], [units[i]])[0];
            Assert.True(alone.Success && together[i].Success);
            Assert.Equal(alone.Steps, together[i].Steps);
            for (int m = 0; m < alone.Patch.Delta.Rows.Count; m++)
            {
                Assert.InRange(
                    TinyVit.RelativeDifference(together[i].Patch.Delta.Rows[m], alone.Patch.Delta.Rows[m]),
                    0,
                    1e-2
                );
                Assert.True(together[i].Patch.Delta.Rows[m].Equals(again[i].Patch.Delta.Rows[m]));
            }
        }
        foreach (EditResult result in together.Concat(again))
            result.Dispose();
        foreach (PrefixState state in each)
            state.Dispose();
    }

    [Fact]
    public void A_mask_may_leave_a_block_without_units()
    {
        foreach (int empty in (int[])[0, 1])
        {
            UnitSelection units = UnitSelection.All(_bed.Split.Space);
            units = new UnitSelection(
                _bed.Split.Space,
                [
                    .. Enumerable
                        .Range(0, _bed.Split.Space.Matrices)
                        .Select(m => m / 2 == empty ? [] : units[m].ToArray()),
                ]
            );
            using EditResult result = new Kfac(_inputs).Edit(_bed.Split, [_bed.Failure], [units])[0];
            Assert.True(result.Success);
            Assert.All(
                Enumerable.Range(0, _bed.Split.Space.Matrices).Where(m => m / 2 == empty),
                m => Assert.Equal(0, result.Patch.Delta.Rows[m].NumberOfElements)
            );
        }
    }

    [Fact]
    public void Several_images_are_corrected_together()
    {
        using PrefixState states = _bed.Split.Prefix(TinyVit.Pixels(_bed.Model, 2, seed: 9));
        using EditResult result = new Kfac(_inputs).Edit(_bed.Split, [new Failure(states, _bed.Label)])[0];
        Assert.True(result.Success);
        Assert.True(_bed.Split.Logits(states, result.Patch.Change).argmax(1).eq(_bed.Label).all().item<bool>());
    }

    [Theory]
    [InlineData(0.01, 0)]
    [InlineData(0.5, 0)]
    [InlineData(10, 0)]
    [InlineData(10, 2.5)]
    public void An_edit_stops_where_its_rule_is_first_met(double loss, double margin)
    {
        KfacSettings settings = new() { StopLoss = loss, StopMargin = margin };
        using EditResult result = Edit(settings);
        Tensor logits = _bed.Split.Logits(_bed.State, result.Patch.Change)[0];
        double lead = (
            logits[_bed.Label] - logits.index_fill(0, tensor([(long)_bed.Label]), float.NegativeInfinity).max()
        ).item<float>();
        double found = _bed.Loss(result.Patch.Change);
        Assert.True(result.Success);
        Assert.True(found <= loss + 1e-5 && lead >= margin - 1e-4, $"{found} {lead}");
        // And not much further: within the precision of the last step, whatever the step's length.
        using EditResult finer = Edit(settings with { Precision = 1e-3 });
        double[] lengths =
        [
            .. ((EditResult[])[result, finer]).Select(r => Math.Sqrt(r.Patch.Delta.Norms().Sum(n => n * n))),
        ];
        Assert.InRange(lengths[0] / lengths[1], 0.9, 1.1);
    }

    [Fact]
    public void An_image_that_is_right_enough_already_is_left_alone_and_few_steps_may_not_suffice()
    {
        int said = (int)_bed.Split.Logits(_bed.State).argmax(1).item<long>();
        using EditResult nothing = new Kfac(_inputs, new() { StopLoss = 100 }).Edit(
            _bed.Split,
            [new Failure(_bed.State, said)]
        )[0];
        Assert.True(nothing.Success);
        Assert.Equal((0, 0.0), (nothing.Steps, nothing.Patch.Delta.Norms().Sum()));
        using EditResult few = Edit(new() { StepLength = 1e-5, MaxSteps = 2 });
        Assert.Equal((false, 2), (few.Success, few.Steps));
        Assert.True(few.Losses[^1] < few.Losses[0]);
    }

    [Fact]
    public void The_output_side_multiplies_from_the_other_side_and_needs_its_moments()
    {
        using Preparation outputs = _bed.Prepare(new OutputStatistics());
        Tensor[] gradients = Gradients();
        using EditResult result = new Kfac(
            _inputs,
            new()
            {
                KeepRatio = 1,
                Damping = 0.3,
                OutputDamping = 0.5,
                StepLength = 1e-4,
                MaxSteps = 1,
            },
            outputs: outputs
        ).Edit(_bed.Split, [_bed.Failure])[0];
        for (int m = 0; m < gradients.Length; m++)
        {
            using Tensor gamma = PackedMoment.Unpack(outputs, _bed.Split.Space.MatrixName(m));
            Tensor moment = Moment(m);
            Tensor input = Inverse(moment, 0.3);
            Tensor output = Inverse(gamma, 0.5);
            Assert.Equal(
                1,
                Cosine(
                    result.Patch.Delta.Rows[m],
                    -(m % 2 == 0 ? mm(mm(output, gradients[m]), input) : mm(mm(input, gradients[m]), output))
                ),
                1e-4
            );
        }
        Assert.Contains(
            "outputs",
            Assert.Throws<BadInputException>(() => new Kfac(_inputs, new() { OutputDamping = 1 })).Message,
            StringComparison.Ordinal
        );

        static Tensor Inverse(Tensor moment, double damping) =>
            linalg
                .inv(moment + eye(moment.shape[0], dtype: ScalarType.Float64) * moment.diagonal().mean() * damping)
                .to(ScalarType.Float32);
    }

    [Fact]
    public void Settings_out_of_range_and_other_preparations_are_named()
    {
        Assert.Contains("damping", Refused(new() { Damping = 0 }), StringComparison.Ordinal);
        Assert.Contains("step's length", Refused(new() { StepLength = double.NaN }), StringComparison.Ordinal);
        Assert.Contains("stop margin", Refused(new() { StopMargin = -1 }), StringComparison.Ordinal);
        Assert.Contains("precision", Refused(new() { Precision = 1 }), StringComparison.Ordinal);
        using Preparation keys = _bed.Prepare(new KeyStatistics());
        Assert.Contains(
            "'inputs'",
            Assert.Throws<BadInputException>(() => new Kfac(keys).Edit(_bed.Split, [_bed.Failure])).Message,
            StringComparison.Ordinal
        );

        string Refused(KfacSettings settings) =>
            Assert.Throws<BadInputException>(() => new Kfac(_inputs, settings)).Message;
    }

    EditResult Edit(KfacSettings settings) =>
        new Kfac(_inputs, settings with { KeepRatio = 1 }, new AllLocator()).Edit(_bed.Split, [_bed.Failure])[0];

    // The cross-entropy's gradient at the unedited model, for each matrix [H,D], by what it does to [CLS].
    Tensor[] Gradients(bool onlyClass = true)
    {
        using EditSession session = new(_bed.Split, _bed.State, [UnitSelection.All(_bed.Split.Space)]);
        Tensor logits = session.Logits();
        return
        [
            .. session
                .Gradients(softmax(logits, 1) - one_hot(tensor([(long)_bed.Label]), logits.shape[1]), onlyClass)
                .Select(g => g[0]),
        ];
    }

    Tensor Moment(int matrix) => PackedMoment.Unpack(_inputs, _bed.Split.Space.MatrixName(matrix));

    static double Cosine(Tensor a, Tensor b) => ((a * b).sum() / (a.norm() * b.norm())).item<float>();
}
