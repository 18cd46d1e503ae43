using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public class TargetMaskSolverTests
{
    static readonly TargetMaskSettings Once = new()
    {
        OuterSteps = 1,
        InnerSteps = 1,
        InnerLearningRate = 0.01,
        StartRange = 0,
        Batch = 2,
        Temperature = 1,
    };

    [Fact]
    public void The_sample_itself_as_its_only_view_changes_nothing()
    {
        using Samples s = new(2, 2);
        using TargetMasks alone = new TargetMaskSolver(s.Split, Once with { OuterSteps = 3 }).Solve(s.Problem);
        using TargetMasks viewed = new TargetMaskSolver(s.Split, Once with { OuterSteps = 3, Views = 1 }).Solve(
            s.Problem with
            {
                Views = s.Problem.Spoilt,
                WantedOfViews = s.Problem.Wanted,
            }
        );
        Assert.True(TinyVit.MaxDifference(alone.Values, viewed.Values) < 1e-6);
        Assert.Equal(alone.Before, viewed.Before);
    }

    [Fact]
    public void Samples_with_views_and_ordinary_images_do_not_depend_on_their_batch()
    {
        using DisposeScope scope = NewDisposeScope();
        using Samples s = new(2, 4);
        TargetMaskSettings settings = Once with
        {
            OuterSteps = 2,
            Views = 2,
            OrdinaryImages = 2,
            SignSteps = true,
            InnerLearningRate = 1e-3,
            Density = 0.3,
        };
        TargetMaskSolver solver = new(s.Split, settings);
        TargetProblem both = s.Problem with
        {
            Views = s.Ordinary,
            WantedOfViews = s.Logits.flip(1),
            Ordinary = s.Ordinary,
            LogitsOfOrdinary = s.Logits,
        };
        using TargetMasks together = solver.Solve(both);
        for (int i = 0; i < 2; i++)
        {
            using PrefixState own = both.Spoilt.Select([i]);
            using PrefixState others = s.Ordinary.Select([2 * i, 2 * i + 1]);
            using TargetMasks single = solver.Solve(
                new TargetProblem(own, both.Wanted[i].unsqueeze(0), both.Start[i].unsqueeze(0))
                {
                    Views = others,
                    WantedOfViews = both.WantedOfViews!.narrow(0, 2 * i, 2),
                    Ordinary = others,
                    LogitsOfOrdinary = s.Logits.narrow(0, 2 * i, 2),
                }
            );
            Assert.True(TinyVit.MaxDifference(together.Values[i], single.Values[0]) < 1e-3);
        }
    }

    [Fact]
    public void A_density_selects_that_share_of_units_in_every_sample()
    {
        using Samples s = new(3, 1);
        using TargetMasks masks = new TargetMaskSolver(s.Split, Once with { Density = 0.25 }).Solve(s.Problem);
        for (int i = 0; i < 3; i++)
            Assert.Equal(0.25, masks.Values[i].gt(0.5).to(ScalarType.Float32).mean().ToDouble(), 0.01);
    }

    [Fact]
    public void Units_that_pay_for_locality_disturb_ordinary_images_less()
    {
        using DisposeScope scope = NewDisposeScope();
        using Samples s = new(1, 6);
        TargetMaskSettings settings = Once with
        {
            OrdinaryImages = 6,
            SignSteps = true,
            InnerLearningRate = 1e-3,
            Density = 0.3,
        };
        TargetProblem problem = s.Problem with { Ordinary = s.Ordinary, LogitsOfOrdinary = s.Logits };
        (double gain, double harm) free = Measure(0);
        (double gain, double harm) paying = Measure(1);
        Assert.True(paying.harm < 0.9 * free.harm, $"{paying} against {free}");
        Assert.True(paying.gain > 0);

        // By finite changes of the whole model's weights, apart from the solver: the loss on the sample and on ordinary
        // images.
        (double, double) Measure(double locality)
        {
            using TargetMasks masks = new TargetMaskSolver(s.Split, settings with { Locality = locality }).Solve(
                problem
            );
            UnitSelection units = new Mask(s.Split.Space, masks.Values[0].reshape(-1).data<float>().ToArray()).Keep(
                0.3
            );
            using EditSession session = new(s.Split, problem.Spoilt, [UnitSelection.All(s.Split.Space)]);
            Tensor before = session.Logits();
            Tensor wanted = nn.functional.softmax(problem.Wanted, 1);
            Tensor[] steps =
            [
                .. session.Gradients(nn.functional.softmax(before, 1) - wanted).Select(g => g.sign() * -1e-3f),
            ];
            Tensor[] rows =
            [
                .. steps.Select(
                    (step, m) =>
                        step[0].index_select(0, tensor([.. units[m].ToArray().Select(u => (long)u)], ScalarType.Int64))
                ),
            ];
            using WeightDelta delta = new(units, rows);
            return (
                Loss(before, wanted) - Loss(s.Split.Logits(problem.Spoilt, delta), wanted),
                Loss(s.Split.Logits(s.Ordinary, delta), nn.functional.softmax(s.Logits, 1))
                    - Loss(s.Logits, nn.functional.softmax(s.Logits, 1))
            );
        }

        static double Loss(Tensor logits, Tensor wanted) =>
            -(wanted * nn.functional.log_softmax(logits, 1)).sum(1).mean().ToDouble();
    }

    [Fact]
    public void Images_that_the_settings_ask_for_must_be_there()
    {
        using Samples s = new(1, 1);
        string message = Assert
            .Throws<ArgumentException>(() =>
                new TargetMaskSolver(s.Split, Once with { OrdinaryImages = 3 }).Solve(s.Problem)
            )
            .Message;
        Assert.Contains("3 ordinary images", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TargetMaskSolver(s.Split, Once with { Views = 1 }).Solve(s.Problem));
        foreach (
            TargetMaskSettings bad in (TargetMaskSettings[])
                [
                    Once with
                    {
                        Views = -1,
                    },
                    Once with
                    {
                        OrdinaryImages = 65,
                    },
                    Once with
                    {
                        Locality = 1.1,
                    },
                    Once with
                    {
                        Density = 1,
                    },
                ]
        )
            Assert.Throws<BadInputException>(() => new TargetMaskSolver(s.Split, bad));
    }

    sealed class Samples : IDisposable
    {
        readonly VitModel _model = TinyVit.Create();
        readonly PrefixState _spoilt;

        public Samples(int count, int ordinary)
        {
            Split = new SplitVit(_model);
            _spoilt = Split.Prefix(TinyVit.Pixels(_model, count, seed: 3));
            Ordinary = Split.Prefix(TinyVit.Pixels(_model, ordinary, seed: 4));
            Logits = Split.Logits(Ordinary);
            using PrefixState originals = Split.Prefix(TinyVit.Pixels(_model, count, seed: 5));
            Problem = new TargetProblem(
                _spoilt,
                Split.Logits(originals),
                zeros([count, Split.Space.Matrices, Split.Space.Hidden])
            );
        }

        public SplitVit Split { get; }

        public TargetProblem Problem { get; }

        public PrefixState Ordinary { get; }

        public Tensor Logits { get; }

        public void Dispose()
        {
            Problem.Wanted.Dispose();
            Problem.Start.Dispose();
            _spoilt.Dispose();
            Ordinary.Dispose();
            Logits.Dispose();
            _model.Dispose();
        }
    }
}
