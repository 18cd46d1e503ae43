using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>Images that a model gives a right class and that are to keep it. Does not own the prefix.</summary>
/// <param name="State">Their prefix.</param>
/// <param name="Labels">The class of each.</param>
public sealed record KeptImages(PrefixState State, IReadOnlyList<int> Labels)
{
    /// <summary>All classes that are right for each; null where its own is the only one.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? Accepted { get; init; }
}
