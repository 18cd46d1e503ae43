using Retouch.Data;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>
/// Labelled images as a user names them: folders and archives of folders that are called by their classes, and lists.
/// </summary>
static class LabelledSources
{
    /// <summary>Lists their images.</summary>
    /// <param name="sources">Folders and lists.</param>
    /// <param name="roots">The folders from which the paths of lists go on; none for each list's own.</param>
    /// <param name="classes">What the names of folders and classes mean.</param>
    /// <param name="count">The number of the model's classes.</param>
    /// <param name="skipped">Gets what was left out, and why.</param>
    /// <param name="once">Whether a list may not name an image that is there already.</param>
    /// <exception cref="BadInputException">
    /// A source cannot be read, the model lacks a class, an image is there twice that may be there once, or there are
    /// no images.
    /// </exception>
    public static LabelledImages In(
        IReadOnlyList<string> sources,
        IReadOnlyList<string> roots,
        ClassFolders classes,
        int count,
        List<Problem> skipped,
        bool once = true
    )
    {
        if (sources.FirstOrDefault(s => !ImageFolder.IsAt(s) && !File.Exists(s)) is string missing)
            throw BadInput.Missing(
                missing,
                Shards.IsPattern(missing)
                    ? $"No file matches {missing}: check the pattern, which * and ? are part of."
                    : $"There is no folder and no list {missing}: check the path."
            );
        ImageFolder[] folders = [.. sources.Where(s => !IsList(s)).Select(ImageFolder.Open)];
        LabelledImages images = new();
        Labelled.AddTo(images, folders, classes, count, skipped);
        bool lists = false;
        foreach (string list in sources.Where(IsList))
        {
            lists = true;
            foreach (Labelled image in LabelledList.Read(list, roots, classes))
            {
                if (image.Accepted.Any(c => c >= count))
                    throw BadInput.Unsupported(
                        list,
                        $"{list} names the class {image.Accepted.Max()}, which is not one of the model's {count}."
                    );
                images.Add(image);
            }
        }
        if (once && lists && images.Twice() is var (first, second))
            throw BadInput.Ambiguous(
                first.FullPath,
                $"{first.FullPath} is named twice among the images, as {first.ClassAndPlace} and as "
                    + $"{second.ClassAndPlace}; name every image once."
            );
        return images.Count > 0 ? images : throw Labelled.None(skipped);
    }

    // What is no folder and no archive is refused by the reader of lists, which says what lists are.
    static bool IsList(string source) => ImageFolder.IsList(source, out _) || !ImageFolder.IsAt(source);
}
