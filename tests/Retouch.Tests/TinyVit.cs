using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests;

/// <summary>Small random ViTs, and comparisons of tensors.</summary>
static class TinyVit
{
    public static VitModel Create(
        int seed = 0,
        int depth = 4,
        int width = 24,
        int hidden = 40,
        int heads = 3,
        int classes = 7,
        int grid = 3,
        bool qkvBias = true
    )
    {
        VitConfig config = new()
        {
            ImageSize = 4 * grid,
            PatchSize = 4,
            Width = width,
            Depth = depth,
            Heads = heads,
            MlpWidth = hidden,
            Classes = classes,
            QkvBias = qkvBias,
        };
        return Of(config, seed);
    }

    /// <summary>
    /// Widths of models on both paths: heads of 8 channels, which kernels of ours do not take, and of 16, which they do
    /// where the processor has AVX-512.
    /// </summary>
    public static IReadOnlyList<int> Widths { get; } = [24, 48];

    /// <summary>A random model of any architecture.</summary>
    public static VitModel Of(VitConfig config, int seed = 0)
    {
        using Generator generator = new((ulong)seed, CPU);
        return new VitModel(config.Tensors().ToDictionary(t => t.Name, t => Random(t.Name, t.Shape)), config.Traits);

        Tensor Random(string name, long[] shape)
        {
            Tensor values = randn(shape, generator: generator);
            if (
                name.EndsWith("gamma", StringComparison.Ordinal)
                || name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal)
            )
                return values.mul_(0.1).add_(1);
            return values.mul_(name.EndsWith("bias", StringComparison.Ordinal) ? 0.1 : 0.3);
        }
    }

    /// <summary>One small architecture of each kind that timm's family has, by name.</summary>
    public static IReadOnlyDictionary<string, VitConfig> Variants { get; } =
        new Dictionary<string, VitConfig>
        {
            ["plain"] = Plain,
            ["layerscale"] = Plain with { LayerScale = true },
            ["clip"] = Plain with
            {
                PreNorm = true,
                PatchBias = false,
                Activation = VitActivation.QuickGelu,
                NormEpsilon = 1e-5,
            },
            ["registers"] = Plain with { Registers = 4, PrefixPositions = false, LayerScale = true },
            ["distilled"] = Plain with { Registers = 1 },
            ["average"] = Plain with { ClassToken = false, Pooling = VitPooling.Average, NormAfterPooling = true },
            ["average with [CLS]"] = Plain with
            {
                Pooling = VitPooling.Average,
                Registers = 2,
                QkvBias = false,
                LayerScale = true,
            },
            ["tanh"] = Plain with { Activation = VitActivation.GeluTanh },
        };

    /// <summary>One small architecture of each other family and of each way to read the tokens, by name.</summary>
    public static IReadOnlyDictionary<string, VitConfig> Families { get; } =
        new Dictionary<string, VitConfig>
        {
            ["post norm"] = Plain with { Block = new() { PostNorm = true } },
            ["query-key norm"] = Plain with
            {
                Block = new()
                {
                    QueryKeyNorm = true,
                    MixedNorm = true,
                    HiddenNorm = true,
                },
            },
            ["swiglu"] = Plain with
            {
                Block = new() { GatedFfn = true },
                Activation = VitActivation.Silu,
                LayerScale = true,
            },
            ["eva02"] = Plain with
            {
                Block = new()
                {
                    GatedFfn = true,
                    HiddenNorm = true,
                    MixedNorm = true,
                    Rope = VitRope.Eva,
                },
                Activation = VitActivation.Silu,
                Pooling = VitPooling.Average,
                NormAfterPooling = true,
            },
            ["dinov3"] = Plain with
            {
                Block = new() { Rope = VitRope.Dinov3 },
                Registers = 2,
                Positions = false,
                LayerScale = true,
                QkvBias = false,
            },
            ["beit"] = Plain with
            {
                Block = new() { RelativePositions = RelativePositions.EachBlock },
                Positions = false,
                Pooling = VitPooling.Average,
                NormAfterPooling = true,
            },
            ["data2vec"] = Plain with
            {
                Block = new() { RelativePositions = RelativePositions.Shared },
                Positions = false,
            },
            ["swin"] = Plain with
            {
                ImageSize = 16,
                Block = new() { RelativePositions = RelativePositions.EachBlock },
                Stages = new([new(1, 12, 3, 20, 2), new(2, 24, 3, 40, 2)]),
                ClassToken = false,
                Positions = false,
                PreNorm = true,
                Pooling = VitPooling.Average,
            },
            ["map"] = Plain with
            {
                ClassToken = false,
                Pooling = VitPooling.Attention,
                PoolHeads = 3,
                PoolMlpWidth = 40,
            },
            ["maximum"] = Plain with { Pooling = VitPooling.Maximum, NormAfterPooling = true },
            ["average and maximum"] = Plain with { Pooling = VitPooling.AverageAndMaximum },
            ["average of all"] = Plain with { Pooling = VitPooling.AverageOfAll, LastNorm = false },
            ["dinov2"] = Plain with { Pooling = VitPooling.ClassAndAverage, LayerScale = true },
            ["dinov2 with registers"] = Plain with
            {
                Pooling = VitPooling.ClassAndAverageOfOthers,
                Registers = 3,
                RegisterPositions = false,
                LayerScale = true,
            },
            ["two heads"] = Plain with { Registers = 1, Pooling = VitPooling.TwoHeads },
            ["zero-shot"] = Plain with { PreNorm = true, PatchBias = false, Projection = 16, Cosine = true },
        };

    /// <summary>All of both.</summary>
    public static IReadOnlyDictionary<string, VitConfig> Architectures { get; } =
        Variants.Concat(Families).ToDictionary(v => v.Key, v => v.Value);

    /// <summary>The same architecture at another width.</summary>
    public static VitConfig Wide(VitConfig config, int width) =>
        config with
        {
            Width = width,
            MlpWidth = width / 24 * 40,
            Stages = new(
                config.Stages.Select(s =>
                    s with
                    {
                        Width = s.Width * (width / 24),
                        MlpWidth = s.MlpWidth * (width / 24),
                    }
                )
            ),
        };

    static VitConfig Plain =>
        new()
        {
            ImageSize = 12,
            PatchSize = 4,
            Width = 24,
            Depth = 3,
            Heads = 3,
            MlpWidth = 40,
            Classes = 7,
            QkvBias = true,
        };

    public static Tensor Pixels(VitModel model, int images, int seed = 1)
    {
        using Generator generator = new((ulong)seed, CPU);
        return randn([images, 3, model.Config.ImageSize, model.Config.ImageSize], generator: generator);
    }

    /// <summary>Standard normal values that are the same in every run.</summary>
    public static Tensor Normal(int seed, params long[] shape)
    {
        using Generator generator = new((ulong)seed, CPU);
        return randn(shape, generator: generator);
    }

    /// <summary>Normal deltas of a session's edits, zero in rows that are there as padding.</summary>
    public static Tensor[] RandomDeltas(EditSession session, double deviation) =>
        [
            .. session
                .NewRows()
                .Zip(session.RowMasks, (r, m) => (r.shape, m))
                .Select((r, i) => Normal(100 + i, r.shape) * deviation * (r.m ?? 1)),
        ];

    public static UnitSelection RandomUnits(EditSpace space, double share, int seed)
    {
        Random random = new(seed);
        return new UnitSelection(
            space,
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(_ => Enumerable.Range(0, space.Hidden).Where(_ => random.NextDouble() < share).ToArray()),
            ]
        );
    }

    public static double MaxDifference(Tensor a, Tensor b)
    {
        Assert.Equal(a.shape, b.shape);
        using DisposeScope scope = NewDisposeScope();
        return a.NumberOfElements == 0 ? 0 : (a - b).abs().max().ToDouble();
    }

    public static double RelativeDifference(Tensor actual, Tensor expected)
    {
        using DisposeScope scope = NewDisposeScope();
        return MaxDifference(actual, expected) / Math.Max(expected.abs().max().ToDouble(), 1e-30);
    }
}
