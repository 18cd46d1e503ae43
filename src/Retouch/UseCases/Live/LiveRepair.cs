namespace Retouch.UseCases;

/// <summary>What a <see cref="LiveModel"/> made of several mistakes. Immutable.</summary>
/// <param name="Asked">How many were to be corrected.</param>
/// <param name="Corrected">How many are.</param>
/// <param name="SharedUnits">Hidden units that several of them share.</param>
/// <param name="OwnUnits">Hidden units of one image each.</param>
/// <param name="Patch">The patch that was written; null where nothing could be corrected.</param>
public sealed record LiveRepair(int Asked, int Corrected, int SharedUnits, int OwnUnits, string? Patch)
{
    /// <summary>An image that is to be corrected. Immutable.</summary>
    /// <param name="Images">What holds it.</param>
    /// <param name="Row">Its row there.</param>
    /// <param name="Path">Its file.</param>
    /// <param name="Accepted">The classes that are right.</param>
    /// <param name="Label">The one to edit to.</param>
    public sealed record Wish(LiveImages Images, int Row, string Path, IReadOnlyList<int> Accepted, int Label);

    /// <summary>An image that is to keep its class. Immutable.</summary>
    /// <param name="Images">What holds it.</param>
    /// <param name="Row">Its row there.</param>
    /// <param name="Class">That class.</param>
    public sealed record Kept(LiveImages Images, int Row, int Class);
}
