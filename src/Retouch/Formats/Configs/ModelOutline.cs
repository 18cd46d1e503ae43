using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What shapes show of a model, by which another one's config is told, or null if they do not.</summary>
/// <param name="Width">Width of a token.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="PatchSize">Side of a patch in pixels.</param>
/// <param name="Classes">Number of classes.</param>
sealed record ModelOutline(int? Width, int? Depth, int? PatchSize, int? Classes)
{
    /// <summary>The types by which a config of transformers calls models with these names.</summary>
    public IReadOnlyList<string> Types { get; init; } = [];

    /// <summary>Width of a token after the last block, which of several stages is not that of the first.</summary>
    public int? Features { get; private init; }

    /// <summary>Whether there is a [CLS] token.</summary>
    public bool ClassToken { get; private init; }

    /// <summary>How many registers there are.</summary>
    public int Registers { get; private init; }

    /// <summary>Whether patches have learned positions.</summary>
    public bool Positions { get; private init; }

    /// <summary>Whether the patch projection lacks the bias that timm's has where no norm follows it at once.</summary>
    public bool LacksPatchBias { get; private init; }

    /// <summary>Whether there are relative positions.</summary>
    public bool Relative { get; private init; }

    /// <summary>Whether feed-forward networks are gated.</summary>
    public bool Gated { get; private init; }

    /// <summary>Whether there is a norm after the last block, before or after the pooling.</summary>
    public bool LastNorm { get; private init; }

    /// <summary>Whether there is attention pooling.</summary>
    public bool PoolsByAttention { get; private init; }

    /// <summary>The outline of canonical shapes, whatever they lack.</summary>
    public static ModelOutline Of(IReadOnlyDictionary<string, long[]> shapes)
    {
        int depth = VitInference.Depth(shapes.Keys);
        return new(
            Size(VitNames.PatchWeight, 0),
            depth == 0 ? null : depth,
            Size(VitNames.PatchWeight, 2),
            Size(VitNames.HeadWeight, 0)
        )
        {
            Features =
                Size(VitNames.NormWeight, 0) ?? Size(VitNames.PoolNormWeight, 0) ?? Size(VitNames.PatchWeight, 0),
            ClassToken = shapes.ContainsKey(VitNames.ClassToken),
            Registers = Size(VitNames.Registers, 1) ?? 0,
            Positions = shapes.ContainsKey(VitNames.Positions),
            // Swin's has one beside the norm.
            LacksPatchBias =
                !shapes.ContainsKey(VitNames.PatchBias)
                && (
                    !shapes.ContainsKey(VitNames.PreNormWeight)
                    || shapes.Keys.Any(n => n.Contains(".merge.", StringComparison.Ordinal))
                ),
            Relative = shapes.Keys.Any(n => n.EndsWith("relative_position_bias_table", StringComparison.Ordinal)),
            Gated = shapes.Keys.Any(n => n.Contains(".mlp.gate.", StringComparison.Ordinal)),
            LastNorm = shapes.ContainsKey(VitNames.NormWeight) || shapes.ContainsKey(VitNames.PoolNormWeight),
            PoolsByAttention = shapes.ContainsKey(VitNames.Pool("latent")),
        };

        int? Size(string name, int axis) =>
            shapes.TryGetValue(name, out long[]? shape) && axis < shape.Length && shape[axis] is > 0 and <= int.MaxValue
                ? (int)shape[axis]
                : null;
    }
}
