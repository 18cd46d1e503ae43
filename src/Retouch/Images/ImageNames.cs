namespace Retouch.Images;

/// <summary>Which files are images, by their names.</summary>
static class ImageNames
{
    /// <summary>What the names of images end in.</summary>
    public static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    // Copies and thumbnails that macOS's archives and Synology's servers put beside images.
    static readonly string[] s_foreign = ["__MACOSX", "@eaDir"];

    /// <summary>Whether a name ends as an image's does.</summary>
    /// <param name="name">A file's name.</param>
    public static bool IsImage(string name) => Extensions.Contains(Path.GetExtension(name).ToLowerInvariant());

    /// <summary>Whether an entry is hidden, or was put there by an archiver or a file server.</summary>
    /// <param name="entry">The name of a file or folder.</param>
    public static bool IsForeign(string entry) => entry.StartsWith('.') || s_foreign.Contains(entry);
}
