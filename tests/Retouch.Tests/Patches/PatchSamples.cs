using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Patches;

/// <summary>Patches of random deltas.</summary>
static class PatchSamples
{
    public static Patch Random(VitModel model, int seed = 0, double share = 0.3) =>
        Of(model, TinyVit.RandomUnits(EditSpace.Default(model.Config), share, seed), seed);

    /// <summary>A patch that gives one hidden unit another key, as a gate does.</summary>
    public static Patch Rewriting(VitModel model, int block, int unit, int seed)
    {
        using Generator generator = new((ulong)seed, CPU);
        Tensor row = zeros([model.Config.MlpWidth, 1]);
        row[unit, 0] = 1f;
        return new Patch(
            new TensorDelta(
                EditSpace.Default(model.Config),
                new Dictionary<string, TensorChange>
                {
                    [VitNames.Block(block, "mlp.fc1.weight")] = TensorChange.AddProduct(
                        row,
                        randn([1, model.Config.Width], generator: generator)
                    ),
                }
            ),
            new PatchProvenance
            {
                ModelFingerprint = model.Fingerprint,
                Label = 0,
                Method = "gate",
                Settings = new Dictionary<string, string>(),
            }
        );
    }

    /// <summary>A patch that adds hidden units to a block's FFN, as a repair does to the last one's.</summary>
    public static Patch Adding(VitModel model, int units, int seed, int? block = null)
    {
        using Generator generator = new((ulong)seed + 7, CPU);
        int width = model.Config.Width;
        string ffn = VitNames.Block(block ?? model.Config.Depth - 1, "mlp.");
        return new Patch(
            new TensorDelta(
                new EditSpace(model.Config, block ?? model.Config.Depth - 1, 1),
                new Dictionary<string, TensorChange>
                {
                    [ffn + "fc1.weight"] = TensorChange.AppendRows(randn([units, width], generator: generator)),
                    [ffn + "fc1.bias"] = TensorChange.AppendRows(randn([units], generator: generator)),
                    [ffn + "fc2.weight"] = TensorChange.AppendColumns(
                        randn([width, units], generator: generator).mul_(0.2)
                    ),
                }
            ),
            new PatchProvenance
            {
                ModelFingerprint = model.Fingerprint,
                Label = 0,
                Method = "repair",
                Settings = new Dictionary<string, string>(),
                Seed = seed,
            }
        );
    }

    public static Patch Of(VitModel model, UnitSelection units, int seed = 0, string? fingerprint = null)
    {
        using Generator generator = new((ulong)seed + 100, CPU);
        Tensor[] rows =
        [
            .. Enumerable
                .Range(0, units.Space.Matrices)
                .Select(m => randn([units[m].Length, units.Space.Width], generator: generator).mul_(0.1)),
        ];
        return new Patch(
            new WeightDelta(units, rows),
            new PatchProvenance
            {
                ModelFingerprint = fingerprint ?? model.Fingerprint,
                Images = [new PatchImage("a \"b\" ü.png", new string('0', 64))],
                Label = 3,
                LabelName = "tench, Tinca tinca",
                Method = "masked-fine-tuning",
                Settings = new Dictionary<string, string> { ["lr"] = "2E-05", ["keep"] = "0.05" },
                Seed = seed,
                Preprocessing = "as it is",
                Measurements = new PatchMeasurements
                {
                    Success = true,
                    Steps = 12,
                    LocalityRate = 0.97,
                    LocalityImages = 300,
                },
            }
        );
    }
}
