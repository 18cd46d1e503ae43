using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>
/// What an edit is to correct: images that a model gets wrong, as their prefix, and the class that they
/// have. Does not own the prefix.
/// </summary>
/// <param name="State">The prefix of one image or a few.</param>
/// <param name="Label">The index of the right class.</param>
public sealed record Failure(PrefixState State, int Label)
{
    /// <summary>The image files of the prefix, for a patch's provenance; empty where there are none.</summary>
    public IReadOnlyList<PatchImage> Images { get; init; } = [];
}
