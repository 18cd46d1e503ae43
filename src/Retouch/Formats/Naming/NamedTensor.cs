namespace Retouch.Formats;

/// <summary>A tensor of a file and what it is to the model.</summary>
/// <param name="InFile">Its name in the file.</param>
/// <param name="Part">
/// 0, 1 or 2 where it is the queries', keys' or values' third of the canonical tensor; else null.
/// </param>
/// <param name="Layout">How it lies in the file.</param>
sealed record NamedTensor(string InFile, int? Part, TensorLayout Layout);
