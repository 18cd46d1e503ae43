using Retouch.Measurement;
using Retouch.Patches;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>An image that a patch in use corrected. Immutable.</summary>
/// <param name="By">The patch; not owned.</param>
/// <param name="Place">Its place among the patch's images.</param>
readonly record struct EarlierImage(LoadedPatch By, int Place)
{
    PatchImage Image => By.Patch.Provenance.Images[Place];

    /// <summary>The patch's file.</summary>
    public string Patch => By.Path;

    /// <summary>What the patch calls it.</summary>
    public string Name => Image.Name;

    /// <summary>The class that it was to have.</summary>
    public int Label => Image.Label ?? By.Patch.Provenance.Label;

    /// <summary>
    /// What the last FFN of the unedited model gets of it, <c>[D]</c>, in the caller's scope; null where the patch does
    /// not remember that.
    /// </summary>
    public Tensor? Token() => By.Patch.Tokens?[Place].to(ScalarType.Float32);

    /// <summary>Its file, where it still lies; null where it is gone, or is another image now.</summary>
    public string? Find() => PatchedImages.Find(By, Image).Path;

    /// <summary>SHA-256 of its bytes.</summary>
    public string Sha256 => Image.Sha256;
}
