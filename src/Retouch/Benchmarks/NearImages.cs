using System.Security.Cryptography;
using System.Text;
using Retouch.Data;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>
/// Labelled images of the same kind as those that a benchmark edits on (the same shift): among them an edit does its
/// harm first. Immutable.
/// </summary>
public sealed class NearImages
{
    readonly Labelled[] _labelled;
    NearImage[]? _images;
    string? _digest;

    NearImages(Labelled[] labelled, IReadOnlyList<Problem> skipped) => (_labelled, Skipped) = (labelled, skipped);

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>The number of files, of which several may be one image.</summary>
    public int Files => _labelled.Length;

    /// <summary>The number of images.</summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public int Count => Images.Count;

    /// <summary>
    /// The images, folder by folder as they were given, each once by its bytes: in the first folder that has it. Their
    /// hashes are read on first use.
    /// </summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public IReadOnlyList<NearImage> Images =>
        _images ??= [
            .. _labelled
                .Select(l => new NearImage(
                    $"{l.Source}/{l.Class}",
                    l.Accepted,
                    l.Path,
                    ImageRoots.Hash(l.FullPath),
                    l.FullPath
                ))
                .DistinctBy(i => i.Sha256),
        ];

    /// <summary>
    /// SHA-256 over the images' folders, paths, hashes and right classes, in lower-case hexadecimal: copies of the same
    /// folders agree, wherever they lie.
    /// </summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public string Digest
    {
        get
        {
            if (_digest is not null)
                return _digest;
            StringBuilder text = new();
            foreach (NearImage image in Images)
                text.Append(image.Folder)
                    .Append('\n')
                    .Append(image.Path)
                    .Append('\n')
                    .Append(image.Sha256)
                    .Append('\n')
                    .AppendJoin(',', image.Accepted)
                    .Append('\n');
            return _digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        }
    }

    /// <summary>Lists the labelled images of folders, as mining does.</summary>
    /// <param name="folders">
    /// The images. The folder that holds an image names its class, the folder above that its source.
    /// </param>
    /// <param name="classes">What the folders' names mean.</param>
    /// <param name="count">The number of the model's classes.</param>
    /// <exception cref="BadInputException">
    /// Folders are numbered otherwise than the classes, the model lacks a class, an image or a source is there twice,
    /// or no folder is called by a class.
    /// </exception>
    public static NearImages In(IReadOnlyList<ImageFolder> folders, ClassFolders classes, int count)
    {
        List<Problem> skipped = [];
        Labelled[] labelled = [.. Labelled.In(folders, classes, count, skipped)];
        return labelled.Length > 0 ? new NearImages(labelled, skipped) : throw None(folders, classes, skipped);
    }

    static BadInputException None(
        IReadOnlyList<ImageFolder> folders,
        ClassFolders classes,
        IReadOnlyList<Problem> skipped
    )
    {
        if (classes.Mapped.Count == 0)
            return Labelled.None(skipped, otherwise: ".");
        string[] names = [.. NamesOf(folders)];
        string[] leftOut = [.. names.Where(classes.Mapped.Contains)];
        string[] unknown = [.. names.Except(leftOut)];
        string[] why =
        [
            .. Clause("the mapping gives no class to", leftOut),
            .. Clause("it says nothing of", unknown),
            .. Clause("it names", [.. classes.Mapped.Except(names).Order(StringComparer.Ordinal)]),
        ];
        return BadInput.Missing(null, $"{Labelled.NoneIsCalled}: {string.Join("; ", why)}.");

        static IEnumerable<string> Clause(string what, string[] folders) =>
            folders.Length > 0 ? [$"{what} {Listed(folders)}"] : [];
    }

    /// <summary>Some of the names, quoted, and how many there are beside them.</summary>
    internal static string Listed(IReadOnlyList<string> names)
    {
        const int most = 6;
        string more = names.Count > most ? $" and {names.Count - most} more" : "";
        return string.Join(", ", names.Take(most).Select(n => UserText.Quote(n))) + more;
    }

    /// <summary>The names of the folders that hold images, which stand for classes.</summary>
    internal static IEnumerable<string> NamesOf(IReadOnlyList<ImageFolder> folders) =>
        folders
            .SelectMany(f => f.Files.Select(f.FullPath))
            .Select(path => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)))!)
            .Distinct()
            .Order(StringComparer.Ordinal);
}
