namespace Retouch.Benchmarks;

/// <summary>An image of the same kind as those of a benchmark's groups, with its right classes.</summary>
/// <param name="Folder">Its source and its class by their folders' names: <c>art_painting/elephant</c>.</param>
/// <param name="Accepted">The indices that count as right.</param>
/// <param name="Path">Its path below the folder that was given, with / between the parts.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
/// <param name="FullPath">Where it is.</param>
public sealed record NearImage(string Folder, IReadOnlyList<int> Accepted, string Path, string Sha256, string FullPath);
