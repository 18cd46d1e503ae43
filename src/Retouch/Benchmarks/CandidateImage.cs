namespace Retouch.Benchmarks;

/// <summary>An image of which a model is asked whether it is sure.</summary>
/// <param name="Path">Its path below the folder that was given, with / between the parts.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
/// <param name="FullPath">Where it is.</param>
public sealed record CandidateImage(string Path, string Sha256, string FullPath);
