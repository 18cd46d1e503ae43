using System.Globalization;
using Retouch.Data;

namespace Retouch.UseCases;

/// <summary>Images that are there several times: each counts once, by its bytes, whatever its name.</summary>
static class Copies
{
    /// <summary>Says how many files are copies; null where none is.</summary>
    /// <param name="files">The number of files.</param>
    /// <param name="images">The number of images.</param>
    public static string? Text(int files, int images) =>
        files == images
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{files - images} of {files} {(files - images == 1 ? "is a copy of another" : "are copies of others")}"
                    + $", by content; each image counts once"
            );

    /// <summary>
    /// Each image of a folder once, under the first of its files' names; but once for each name of the folders
    /// that it lies in, which may be different classes.
    /// </summary>
    public static ImageFolder LeaveOut(ImageFolder folder)
    {
        string[] once = Once(
            folder.Files,
            file => $"{Path.GetFileName(Path.GetDirectoryName(file))}/{Content(folder.FullPath(file))}"
        );
        return once.Length == folder.Files.Count ? folder : folder.With(once);
    }

    /// <summary>Each image once, under the first of its files' names.</summary>
    public static string[] Once(IReadOnlyList<string> files) => Once(files, Content);

    static string[] Once(IReadOnlyList<string> files, Func<string, string> what) =>
        [
            .. files
                .AsParallel()
                .AsOrdered()
                .Select(file => (File: file, What: what(file)))
                .AsSequential()
                .DistinctBy(f => f.What)
                .Select(f => f.File),
        ];

    // One that cannot be read is like no other; it is named where it is decoded.
    static string Content(string path)
    {
        try
        {
            return ImageRoots.Hash(path);
        }
        catch (BadInputException)
        {
            return path;
        }
    }
}
