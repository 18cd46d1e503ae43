using System.Globalization;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class TargetMaskGoldenTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public void Targets_are_those_of_the_authors_code(int outerSteps)
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        using SafeTensorsFile file = SafeTensorsFile.Open(
            SharedData.Require("golden", "reference", "mask_targets.safetensors")
        );
        SplitVit split = new(real.Model);
        using PrefixState mixed = split.Prefix(real.Preprocessing.Normalize(file.Read("mixed_pixels_u8")));
        using PrefixState original = split.Prefix(real.Preprocessing.Normalize(file.Read("original_pixels_u8")));
        Tensor wanted = split.Logits(original);
        Tensor start = file.ReadFloat("init_logits");
        Tensor expected = file.ReadFloat($"target_after_{outerSteps}");

        TargetMaskSolver solver = new(split, new TargetMaskSettings { OuterSteps = outerSteps, Batch = 2 });
        using TargetMasks targets = solver.Solve(mixed, wanted, start);

        Tensor difference = (targets.Values - expected).abs();
        (double worst, double mean) = (difference.max().ToDouble(), difference.mean().ToDouble());
        double spearman = Spearman(targets.Values, expected);
        double divergence = double.Parse(file.Metadata[$"outer_kl_step{outerSteps}"], CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{outerSteps} outer steps: max {worst:E1}, mean {mean:E1}, Spearman {spearman:0.000000}, KL "
                    + $"{targets.After.Average()} against {divergence}"
            )
        );
        if (outerSteps == 1)
            Assert.True(worst <= 1e-2 && mean <= 1e-4, $"max {worst}, mean {mean}");
        Assert.True(mean <= 1e-3 && spearman >= 0.999, $"mean {mean}, Spearman {spearman}");
        Assert.Equal(divergence, targets.After.Average(), 1e-3);
    }

    static double Spearman(Tensor a, Tensor b)
    {
        Tensor x = Ranks(a);
        Tensor y = Ranks(b);
        return ((x - x.mean()) * (y - y.mean())).mean().ToDouble()
            / (x.std(false).ToDouble() * y.std(false).ToDouble());

        static Tensor Ranks(Tensor t) => t.reshape(-1).argsort().argsort().to(ScalarType.Float64);
    }
}
