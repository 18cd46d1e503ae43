using Retouch.Formats;
using Retouch.Patches;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>What a patch states of where it comes from.</summary>
static class PatchOrigin
{
    /// <summary>
    /// An editing image. Patch and images may move together; where there is no way from one to the other (another
    /// drive), its path is absolute.
    /// </summary>
    /// <param name="image">The file.</param>
    /// <param name="sha256">SHA-256 of its bytes.</param>
    /// <param name="patch">The patch to write; null for none.</param>
    public static PatchImage Image(string image, string sha256, string? patch)
    {
        string? folder = patch is null ? null : Path.GetDirectoryName(Path.GetFullPath(patch));
        return new PatchImage(Path.GetFileName(image), sha256)
        {
            Path = folder is null
                ? null
                : Path.GetRelativePath(folder, Path.GetFullPath(image)).Replace(Path.DirectorySeparatorChar, '/'),
        };
    }

    /// <summary>What every patch states of its model, beside what its making states.</summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="labels">The names of its classes.</param>
    /// <param name="made">What the making states.</param>
    public static PatchProvenance Of(ModelFile model, LabelSet labels, PatchProvenance made) =>
        made with
        {
            Float16Fingerprint = Rounded(model.Model, ScalarType.Float16),
            BFloat16Fingerprint = Rounded(model.Model, ScalarType.BFloat16),
            LabelName = NameOf(labels, made.Label),
            Preprocessing = model.Preprocessing.ToString(),
        };

    /// <summary>A class's name; null where classes have none.</summary>
    public static string? NameOf(LabelSet labels, int label) => labels.HasNames ? labels[label].Name : null;

    /// <summary>
    /// The fingerprint of a model's twin in half precision; null of one that is in half precision, its own twin.
    /// </summary>
    static string? Rounded(VitModel model, ScalarType type) =>
        model.FingerprintAs(type) is string rounded && rounded != model.Fingerprint ? rounded : null;
}
