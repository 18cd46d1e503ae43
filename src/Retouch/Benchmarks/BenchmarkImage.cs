namespace Retouch.Benchmarks;

/// <summary>An image that a benchmark names without holding it.</summary>
/// <param name="Path">Its path below a folder that the user names, with / between the parts.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
public sealed record BenchmarkImage(string Path, string Sha256);
