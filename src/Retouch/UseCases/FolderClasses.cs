using Retouch.Data;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>The classes of images whose folders are called by them, as far as the labels know these names.</summary>
sealed class FolderClasses
{
    readonly ImageFolder _images;
    readonly Dictionary<string, IReadOnlyList<int>> _classes = [];

    public FolderClasses(ImageFolder images, LabelSet labels)
    {
        _images = images;
        ClassFolders folders = new(labels);
        string[] names = [.. images.Files.Select(Name).Distinct()];
        foreach (string name in names)
        {
            // A folder that is called otherwise says nothing of its images.
            if (folders.TryAccepted(name, out IReadOnlyList<int> classes, out _))
                _classes[name] = classes;
        }
        // A number alone is as often that of a batch: it is a class's where all folders are classes'.
        if (_classes.Count < names.Length)
        {
            foreach (string number in names.Where(n => n.All(char.IsAsciiDigit)))
                _classes.Remove(number);
        }
    }

    /// <summary>The classes that count as right for an image; null where its folder names none.</summary>
    public IReadOnlyList<int>? Of(string file) =>
        _classes.GetValueOrDefault(Name(file)) is { Count: > 0 } right ? right : null;

    /// <summary>
    /// The folder of an image below the one that was given, with / between the parts; the name of that where the image
    /// lies in it.
    /// </summary>
    public string Folder(string file) => file.LastIndexOf('/') is int end and > 0 ? file[..end] : Name(file);

    string Name(string file) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(_images.FullPath(file)))) ?? "";
}
