namespace Retouch.Measurement;

/// <summary>An image of a benchmark's locality set.</summary>
/// <param name="Path">Its path below the locality folder, with / between the parts.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
/// <param name="Margin">
/// The difference of the two largest class probabilities under the unedited model, in [0,1].
/// </param>
public sealed record LocalityImage(string Path, string Sha256, double Margin);
