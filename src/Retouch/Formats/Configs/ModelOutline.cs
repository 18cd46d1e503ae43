using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What shapes show of a model, by which another one's config is told, or null if they do not.</summary>
/// <param name="Width">Width of a token.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="PatchSize">Side of a patch in pixels.</param>
/// <param name="Classes">Number of classes.</param>
sealed record ModelOutline(int? Width, int? Depth, int? PatchSize, int? Classes)
{
    /// <summary>The outline of canonical shapes, whatever they lack.</summary>
    public static ModelOutline Of(IReadOnlyDictionary<string, long[]> shapes)
    {
        int depth = 0;
        while (shapes.ContainsKey(VitNames.Block(depth, "norm1.weight")))
            depth++;
        return new(
            Size(VitNames.PatchWeight, 0),
            depth == 0 ? null : depth,
            Size(VitNames.PatchWeight, 2),
            Size(VitNames.HeadWeight, 0)
        );

        int? Size(string name, int axis) =>
            shapes.TryGetValue(name, out long[]? shape) && axis < shape.Length && shape[axis] is > 0 and <= int.MaxValue
                ? (int)shape[axis]
                : null;
    }
}
