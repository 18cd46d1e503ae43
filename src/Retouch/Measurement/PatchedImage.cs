using Retouch.Patches;

namespace Retouch.Measurement;

/// <summary>What a model with several patches says of an image that one of them was made for.</summary>
/// <param name="Patch">Index of the patch in the stack.</param>
/// <param name="Image">The image, as the patch's provenance has it.</param>
/// <param name="Label">The class that the patch edited it to.</param>
/// <param name="Path">Where the image was found, or null if it was not.</param>
/// <param name="Missing">Why it was not measured, or null if it was.</param>
/// <param name="Predicted">The likeliest class, or null if it was not measured.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
public sealed record PatchedImage(
    int Patch,
    PatchImage Image,
    int Label,
    string? Path,
    Problem? Missing,
    int? Predicted,
    double Probability
)
{
    /// <summary>Whether it was measured and has its label.</summary>
    public bool IsRight => Predicted == Label;

    /// <summary>Whether it was measured and has another.</summary>
    public bool IsWrong => Predicted is not null && Predicted != Label;
}
