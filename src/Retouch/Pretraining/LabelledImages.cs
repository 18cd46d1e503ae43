using Retouch.Data;
using Retouch.Images;

namespace Retouch.Pretraining;

/// <summary>
/// The images of a folder with the classes that their folders name, at a model's size. Small sets are held in
/// memory, as bytes. Safe for use from several threads.
/// </summary>
public sealed class LabelledImages
{
    const long MostHeld = 1L << 30; // bytes of pixels

    readonly ImageFolder _folder;
    readonly Preprocessing _preprocessing;
    readonly RgbImage?[]? _held;

    LabelledImages(ImageFolder folder, int[] labels, Preprocessing preprocessing)
    {
        (_folder, Labels, _preprocessing) = (folder, labels, preprocessing);
        if (3L * preprocessing.ImageSize * preprocessing.ImageSize * labels.Length <= MostHeld)
            _held = new RgbImage?[labels.Length];
    }

    /// <summary>The class of each image.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>The number of images.</summary>
    public int Count => Labels.Count;

    /// <summary>How images are made into pixels.</summary>
    public Preprocessing Preprocessing => _preprocessing;

    /// <summary>Lists a folder's images by class, without opening any.</summary>
    /// <param name="folder">The folder; what holds an image names its class.</param>
    /// <param name="classOf">The class of a folder's name; throws for one that is none.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <exception cref="BadInputException">
    /// The folder cannot be listed, or an image lies in no class's folder.
    /// </exception>
    public static LabelledImages Open(ImageFolder folder, Func<string, int> classOf, Preprocessing preprocessing) =>
        new(folder, [.. folder.Files.Select(file => classOf(ClassFolder(folder, file)))], preprocessing);

    /// <summary>
    /// The names of the folders that hold a folder's images, in ordinal order: its classes, where nothing else says
    /// them.
    /// </summary>
    /// <exception cref="BadInputException">An image lies in no folder of a class.</exception>
    public static IReadOnlyList<string> ClassNames(ImageFolder folder) =>
        [.. folder.Files.Select(file => ClassFolder(folder, file)).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The pixels of an image at the model's size.</summary>
    /// <exception cref="BadInputException">It cannot be decoded.</exception>
    public RgbImage this[int index] => _held?[index] ?? Load(index);

    RgbImage Load(int index)
    {
        RgbImage image = _preprocessing.Load(_folder.FullPath(_folder.Files[index]));
        // Two threads may decode the same image; both get the same pixels.
        _held?[index] = image;
        return image;
    }

    static string ClassFolder(ImageFolder folder, string file) =>
        file.Split('/') is [.., string name, _]
            ? name
            : throw BadInput.Mismatch(
                folder.FullPath(file),
                $"{folder.FullPath(file)} lies in no folder of a class; give a folder with one subfolder a class."
            );
}
