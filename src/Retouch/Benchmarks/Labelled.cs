using Retouch.Data;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>An image with its true class, by the folder that it lies in.</summary>
/// <param name="Source">Where it comes from: the name of the folder above its class's.</param>
/// <param name="Class">Its class by its folder's name.</param>
/// <param name="Accepted">The indices that count as right.</param>
/// <param name="Path">Its path below the folder that was given, with / between the parts.</param>
/// <param name="FullPath">Its path.</param>
sealed record Labelled(string Source, string Class, IReadOnlyList<int> Accepted, string Path, string FullPath)
{
    /// <summary>What is wrong where there are none.</summary>
    public const string NoneIsCalled = "No folder of labelled images is called by a class";

    /// <summary>The list that names it, and where; null where a folder holds it.</summary>
    public (string List, ListPlace Place)? Listed { get; init; }

    /// <summary>How it comes to its class, for a person: "386 in line 7 of list.csv".</summary>
    public string ClassAndPlace => Listed is var (list, place) ? $"{Class} in {place} of {list}" : Class;

    /// <summary>The images of folders whose names are classes.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="classes">What the folders' names mean.</param>
    /// <param name="count">The number of the model's classes.</param>
    /// <param name="skipped">Gets what was left out, and why.</param>
    /// <exception cref="BadInputException">
    /// Folders are numbered otherwise than the classes, the model lacks a class, or an image or a source is there
    /// twice.
    /// </exception>
    public static LabelledImages In(
        IReadOnlyList<ImageFolder> folders,
        ClassFolders classes,
        int count,
        List<Problem> skipped
    )
    {
        LabelledImages images = new();
        AddTo(images, folders, classes, count, skipped);
        return images;
    }

    /// <summary>The same, added to others.</summary>
    public static void AddTo(
        LabelledImages images,
        IReadOnlyList<ImageFolder> folders,
        ClassFolders classes,
        int count,
        List<Problem> skipped
    )
    {
        foreach (Labelled image in In(folders, classes, skipped))
        {
            if (image.Accepted.FirstOrDefault(c => c >= count) is int beyond and > 0)
                throw BadInput.Unsupported(
                    null,
                    $"The class {beyond} of {image.Class} is not one of the model's {count}."
                );
            images.Add(image);
        }
        skipped.AddRange(folders.SelectMany(f => f.LeftOut).Select(why => new Problem(why)));
    }

    /// <summary>The error where there are none.</summary>
    /// <param name="skipped">What was left out, of which the first says why.</param>
    /// <param name="otherwise">The end of the sentence where nothing was.</param>
    public static BadInputException None(
        IReadOnlyList<Problem> skipped,
        string otherwise = "; the mapping leaves all of them out."
    ) =>
        BadInput.Missing(
            null,
            NoneIsCalled + (skipped is [Problem first, ..] ? $": {first.Message}" : otherwise),
            Remedy.Option(Parameter.AcceptedClasses)
        );

    static IEnumerable<Labelled> In(IReadOnlyList<ImageFolder> folders, ClassFolders classes, List<Problem> skipped)
    {
        IEnumerable<string> paths = folders.SelectMany(f => f.Files.Select(f.FullPath));
        classes.RequireNumbering(paths.Select(p => System.IO.Path.GetFileName(ClassFolder(p))).Distinct());
        Dictionary<string, IReadOnlyList<int>> accepted = [];
        Dictionary<string, string> sources = [];
        // One folder is walked through once.
        HashSet<string>? seen = folders.Count > 1 ? [] : null;
        foreach (ImageFolder folder in folders)
        {
            string? list = ImageFolder.IsList(folder.Root.TrimEnd(ImagePath.Mark), out string named) ? named : null;
            foreach (string file in folder.Files)
            {
                string full = System.IO.Path.GetFullPath(folder.FullPath(file));
                string classFolder = ClassFolder(full);
                string name = System.IO.Path.GetFileName(classFolder);
                if (!accepted.TryGetValue(name, out IReadOnlyList<int>? right))
                {
                    if (!classes.TryAccepted(name, out right, out Problem? problem))
                        skipped.Add(
                            problem with
                            {
                                Message = $"{What(list, classFolder, name)} is left out: {problem.Message}",
                            }
                        );
                    accepted[name] = right;
                }
                if (right.Count == 0)
                    continue;
                if (!Mining.Nameable(file, skipped))
                    continue;
                if (seen?.Add(folder.RealPath(file)) == false)
                    throw BadInput.Ambiguous(
                        full,
                        $"{full} lies in two of the folders; name every folder of images once."
                    );
                string sourceFolder = System.IO.Path.GetDirectoryName(classFolder) ?? "";
                string source = ImagePath.NameOf(sourceFolder) is { Length: > 0 } last ? last : "images";
                if (sources.TryGetValue(source, out string? known) && known != sourceFolder)
                    throw BadInput.Ambiguous(
                        null,
                        $"{known} and {sourceFolder} have the same name, which is to tell "
                            + "where images come from; rename one."
                    );
                sources[source] = sourceFolder;
                yield return new Labelled(source, name, right, file, full);
            }
        }
    }

    static string What(string? list, string folder, string name) =>
        list is null ? $"The folder {folder}" : $"The class {name} of {list}";

    static string ClassFolder(string path) => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
}
