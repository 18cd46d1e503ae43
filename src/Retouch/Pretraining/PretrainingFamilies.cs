using Retouch.Formats;
using Retouch.Vit;

namespace Retouch.Pretraining;

/// <summary>The families that a small model can be trained as: what each has beside a plain ViT, by name.</summary>
public static class PretrainingFamilies
{
    static readonly Dictionary<string, Func<VitConfig, VitConfig>> Table = new()
    {
        ["vit"] = plain => plain,
        ["post-norm"] = plain => plain with { Block = new() { PostNorm = true } },
        ["query-key-norm"] = plain => plain with { Block = new() { QueryKeyNorm = true } },
        ["swiglu"] = plain =>
            plain with
            {
                Block = new() { GatedFfn = true },
                Activation = VitActivation.Silu,
            },
        ["dinov2"] = plain => plain with { LayerScale = true, Pooling = VitPooling.ClassAndAverage },
        ["dinov3"] = plain =>
            plain with
            {
                Block = new() { Rope = VitRope.Dinov3 },
                NormEpsilon = 1e-5,
                Positions = false,
                Registers = 4,
                LayerScale = true,
            },
        ["eva02"] = plain =>
            plain with
            {
                Block = new()
                {
                    GatedFfn = true,
                    HiddenNorm = true,
                    Rope = VitRope.Eva with { ReferenceGrid = null },
                },
                Activation = VitActivation.Silu,
                Pooling = VitPooling.Average,
                NormAfterPooling = true,
            },
        ["beit"] = plain =>
            plain with
            {
                Block = new() { RelativePositions = RelativePositions.EachBlock },
                Positions = false,
                LayerScale = true,
                Pooling = VitPooling.Average,
                NormAfterPooling = true,
            },
        ["siglip"] = plain =>
            plain with
            {
                ClassToken = false,
                Activation = VitActivation.GeluTanh,
                Pooling = VitPooling.Attention,
                PoolHeads = plain.Heads,
                PoolMlpWidth = plain.MlpWidth,
            },
        ["distilled"] = plain => plain with { Registers = 1, Pooling = VitPooling.TwoHeads },
        ["swin"] = Swin,
    };

    /// <summary>Their names.</summary>
    public static IReadOnlyCollection<string> Names => Table.Keys;

    /// <summary>The architecture of a family.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="plain">A plain ViT's of the same sizes.</param>
    /// <exception cref="BadInputException">There is none of this name, or the sizes are not one's.</exception>
    public static VitConfig Of(string name, VitConfig plain) =>
        Table.TryGetValue(name, out Func<VitConfig, VitConfig>? make)
            ? make(plain)
            : throw BadInput.Missing(
                name,
                $"There is no family {UserText.Quote(name)}; there are {string.Join(", ", Names)}."
            );

    // Two stages, of windows of half of the image.
    static VitConfig Swin(VitConfig plain)
    {
        int first = plain.Depth / 2;
        if (
            plain.Grid % 2 != 0
            || first == 0
            || plain.Width % 2 != 0
            || plain.Width / 2 % Math.Max(plain.Heads / 2, 1) != 0
        )
            throw BadInput.OutOfRange(
                "family",
                "A Swin of two stages needs an even number of patches along a side, an even width, and two blocks."
            );
        int window = plain.Grid / 2;
        return plain with
        {
            Block = new() { RelativePositions = RelativePositions.EachBlock },
            NormEpsilon = 1e-5,
            Stages = new([
                new(first, plain.Width / 2, Math.Max(plain.Heads / 2, 1), Math.Max(plain.MlpWidth / 2, 1), window),
                new(plain.Depth - first, plain.Width, plain.Heads, plain.MlpWidth, window),
            ]),
            ClassToken = false,
            Positions = false,
            PreNorm = true,
            Pooling = VitPooling.Average,
        };
    }
}
