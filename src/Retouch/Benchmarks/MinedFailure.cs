namespace Retouch.Benchmarks;

/// <summary>An image that a model gets wrong, before it is grouped. Immutable.</summary>
/// <param name="Place">Its place among all labelled images.</param>
/// <param name="Source">Where the image comes from.</param>
/// <param name="Class">The true class by its folder's name.</param>
/// <param name="Accepted">The indices that count as right.</param>
/// <param name="Wrong">The index that the model gives.</param>
/// <param name="Path">Its path below the folder that was given.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
sealed record MinedFailure(
    int Place,
    string Source,
    string Class,
    IReadOnlyList<int> Accepted,
    int Wrong,
    string Path,
    string Sha256
);
