using System.Text.Json.Serialization;

namespace Retouch.Patches;

/// <summary>A patch that is in a model's file, as that file names it. Immutable.</summary>
/// <param name="Change">SHA-256 over what it changes, in lower-case hexadecimal.</param>
/// <param name="Sha256">SHA-256 of the patch's file, in lower-case hexadecimal.</param>
/// <param name="Bytes">The length of that file.</param>
/// <param name="Method">The method that it was made by.</param>
/// <param name="Label">The class that its images were edited to.</param>
/// <param name="Images">How many images it was made from.</param>
/// <param name="LabelName">That class's name, or null where it was unknown.</param>
public sealed record AppliedPatch(
    string Change,
    string Sha256,
    long Bytes,
    string Method,
    int Label,
    int Images,
    string? LabelName = null
)
{
    /// <summary>The patch in a few words, for messages: no file name stands in a model.</summary>
    [JsonIgnore]
    public string Title => $"{Method} to {LabelName ?? $"class {Label}"}, SHA-256 {Sha256[..12]}…";

    /// <summary>What a file says of a patch.</summary>
    public static AppliedPatch Of(LoadedPatch patch) =>
        new(
            patch.Change,
            patch.Sha256,
            patch.Bytes,
            patch.Patch.Provenance.Method,
            patch.Patch.Provenance.Label,
            patch.Patch.Provenance.Images.Count,
            patch.Patch.Provenance.LabelName
        );
}
