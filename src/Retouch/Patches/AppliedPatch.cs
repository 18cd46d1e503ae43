using System.Globalization;
using System.Text.Json.Serialization;

namespace Retouch.Patches;

/// <summary>A patch that is in a model's file, as that file names it. Immutable.</summary>
/// <param name="Change">SHA-256 over what it changes, in lower-case hexadecimal.</param>
/// <param name="Sha256">SHA-256 of the patch's file, in lower-case hexadecimal.</param>
/// <param name="Bytes">The length of that file.</param>
/// <param name="Method">The method that it was made by.</param>
/// <param name="Label">The class that its images were edited to; of several, the patch's own.</param>
/// <param name="Images">How many images it was made from.</param>
/// <param name="LabelName">That class's name, or null where it was unknown.</param>
/// <param name="Classes">How many classes its images were edited to; null for one.</param>
public sealed record AppliedPatch(
    string Change,
    string Sha256,
    long Bytes,
    string Method,
    int Label,
    int Images,
    string? LabelName = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Classes = null
)
{
    /// <summary>The patch in a few words, for messages: no file name stands in a model.</summary>
    [JsonIgnore]
    public string Title => $"{Method}{(Classes is null ? "" : $", {Count}")} to {Target}, SHA-256 {Sha256[..12]}…";

    /// <summary>What it mends, such as <c>1 image to Shirt</c> or <c>44 images to 9 classes</c>.</summary>
    [JsonIgnore]
    public string Mends => $"{Count} to {Target}";

    string Count => string.Create(CultureInfo.InvariantCulture, $"{Images} {(Images == 1 ? "image" : "images")}");

    string Target => Classes is int several ? $"{several} classes" : LabelName ?? $"class {Label}";

    /// <summary>What a file says of a patch.</summary>
    public static AppliedPatch Of(LoadedPatch patch)
    {
        PatchProvenance provenance = patch.Patch.Provenance;
        int classes = provenance.Images.Select(i => i.Label ?? provenance.Label).Distinct().Count();
        return new AppliedPatch(
            patch.Change,
            patch.Sha256,
            patch.Bytes,
            provenance.Method,
            provenance.Label,
            provenance.Images.Count,
            provenance.LabelName,
            classes > 1 ? classes : null
        );
    }
}
