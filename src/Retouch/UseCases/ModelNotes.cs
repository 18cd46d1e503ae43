using Retouch.Formats;
using Retouch.Images;

namespace Retouch.UseCases;

/// <summary>What there is to say of a model and the images that it gets.</summary>
public static class ModelNotes
{
    /// <summary>How images become pixels, since a wrong choice shows in nothing but wrong answers.</summary>
    public static string Preprocessing(ModelFile file)
    {
        string source = file.PreprocessingSource is string stated
            ? $"stated by {stated}"
            : $"usual for {file.Scheme.Name} models; no file states one";
        return $"preprocessing: {file.Preprocessing} ({source})";
    }

    /// <summary>What turns such images.</summary>
    public static Remedy TurnThem { get; } = Remedy.Option(Parameter.Orientation, "exif");

    /// <summary>
    /// Which images a viewer shows turned though the model sees them as they are stored; null for none.
    /// </summary>
    /// <remarks>What can be done is <see cref="TurnThem"/>.</remarks>
    /// <param name="images">Their paths.</param>
    /// <param name="file">The model.</param>
    public static string? Turned(IReadOnlyList<string> images, ModelFile file)
    {
        if (file.Preprocessing.Orientation == ImageOrientation.Exif)
            return null;
        string[] turned = [.. images.Where(ImageDecoder.IsTurned)];
        if (turned.Length == 0)
            return null;
        string more = turned.Length > 1 ? $" and {turned.Length - 1} more" : "";
        return $"orientation: {turned[0]}{more} would be turned by EXIF; the pixels are taken as they are "
            + "stored, as timm and torchvision do";
    }
}
