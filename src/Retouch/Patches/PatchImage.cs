namespace Retouch.Patches;

/// <summary>An image that a patch was made from.</summary>
/// <param name="Name">The file's name, without folders.</param>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
public sealed record PatchImage(string Name, string Sha256)
{
    /// <summary>
    /// Where the file lay when the patch was made, from the patch's own folder where that is possible, with / between
    /// the parts, or null if that is unknown.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>
    /// The class that the image was edited to, or null where it is the patch's own
    /// (<see cref="PatchProvenance.Label"/>): images of one patch may want several.
    /// </summary>
    public int? Label { get; init; }

    /// <summary>The name of <see cref="Label"/>, or null where it is unknown or the patch's own.</summary>
    public string? LabelName { get; init; }
}
