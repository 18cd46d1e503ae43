namespace Retouch.Formats;

/// <summary>A tensor of a file and what it is to the model.</summary>
/// <param name="InFile">Its name in the file.</param>
/// <param name="Part">Which of the canonical tensor's parts it is, from 0 on; null where it is all of it.</param>
/// <param name="Layout">How it lies in the file.</param>
/// <param name="Of">How many parts, equally large, the canonical tensor has.</param>
/// <param name="Span">How many of them it is.</param>
sealed record NamedTensor(string InFile, int? Part, TensorLayout Layout, int Of = 3, int Span = 1);
