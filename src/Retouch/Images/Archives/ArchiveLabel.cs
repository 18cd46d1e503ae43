namespace Retouch.Images;

/// <summary>Classes that archives name, as the names of folders.</summary>
static class ArchiveLabel
{
    /// <summary>A class's name as a folder's; null where it is none.</summary>
    /// <param name="text">What the archive says.</param>
    /// <param name="longest">The most characters that a class's name has.</param>
    public static string? Of(string text, int longest) =>
        text.Length > 0
        && text.Length <= longest
        && text[0] != '.'
        && !text.Contains('/')
        && !text.Contains('\\')
        && !text.Any(char.IsControl)
            ? text
            : null;
}
