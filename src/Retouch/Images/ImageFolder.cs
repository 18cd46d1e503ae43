using System.IO.Enumeration;

namespace Retouch.Images;

/// <summary>The image files under a folder, in an order that is the same on every machine. Immutable.</summary>
public sealed class ImageFolder
{
    static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    ImageFolder(string root, IReadOnlyList<string> files) => (Root, Files) = (root, files);

    /// <summary>The folder, as it was given.</summary>
    public string Root { get; }

    /// <summary>The files' paths relative to <see cref="Root"/>, with / between the parts, in ordinal order.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>
    /// Lists a folder and its subfolders by the files' extensions, without opening any file. Hidden
    /// entries are left out, and so are links to folders, which may lead in circles.
    /// </summary>
    /// <exception cref="BadInputException">The folder is missing, a file, unreadable, or without images.</exception>
    public static ImageFolder Open(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new BadInputException(File.Exists(path)
                ? $"{path} is a file, where a folder of images is needed: name the folder that holds it."
                : $"There is no folder {path}: check the path.");
        }
        EnumerationOptions options = new() { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.Hidden };
        FileSystemEnumerable<string> images = new(path, (ref entry) => Path.GetRelativePath(path, entry.ToFullPath()), options)
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && IsImage(entry.FileName),
            // Cloud-synchronized folders are reparse points, too, but no links.
            ShouldRecursePredicate = (ref entry) =>
                !entry.Attributes.HasFlag(FileAttributes.ReparsePoint) || entry.ToFileSystemInfo().LinkTarget is null,
        };
        try
        {
            string[] files = [.. images.Select(file => file.Replace(Path.DirectorySeparatorChar, '/')).Order(StringComparer.Ordinal)];
            return files.Length > 0 ? new ImageFolder(path, files)
                : throw new BadInputException($"{path} holds no image: give a folder with {string.Join(", ", Extensions)} files in it or below it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path} cannot be listed ({e.Message.TrimEnd('.')}): check its permissions.", e);
        }
    }

    /// <summary>The same folder with some of its files.</summary>
    /// <param name="files">Some of <see cref="Files"/>, in their order.</param>
    internal ImageFolder With(IReadOnlyList<string> files) => new(Root, files);

    /// <summary>The path of one of <see cref="Files"/>, to open it.</summary>
    public string FullPath(string file) => Path.Combine(Root, file);

    static bool IsImage(ReadOnlySpan<char> file)
    {
        ReadOnlySpan<char> extension = Path.GetExtension(file);
        foreach (string known in Extensions)
        {
            if (extension.Equals(known, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }
        return false;
    }
}
