using System.Security.Cryptography;
using System.Text;
using Retouch.Data;

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

    /// <summary>The number of images.</summary>
    public int Count => _labelled.Length;

    /// <summary>The images, folder by folder as they were given; their hashes are read on first use.</summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public IReadOnlyList<NearImage> Images =>
        _images ??= [
            .. _labelled.Select(l => new NearImage(
                $"{l.Source}/{l.Class}",
                l.Accepted,
                l.Path,
                ImageRoots.Hash(l.FullPath),
                l.FullPath
            )),
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
        return labelled.Length > 0
            ? new NearImages(labelled, skipped)
            : throw BadInput.Missing(
                null,
                "No folder of labelled images is called by a class"
                    + (skipped is [Problem first, ..] ? $": {first.Message}" : "; the mapping leaves all of them out."),
                Remedy.Option(Parameter.AcceptedClasses)
            );
    }
}
