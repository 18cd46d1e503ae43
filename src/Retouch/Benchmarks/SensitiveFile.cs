using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>
/// The file <c>sensitive.json</c> of a run's folder: the images that the model is unsure of, sought once for all
/// shards and for a run that goes on.
/// </summary>
public static class SensitiveFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "sensitive.json";

    const int MaxLength = 64 << 20;

    /// <summary>The file of a folder.</summary>
    /// <param name="folder">The run's folder.</param>
    public static string PathIn(string folder) => Path.Combine(folder, FileName);

    /// <summary>Writes the images, atomically.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="images">The images.</param>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Write(string folder, SensitiveImages images) =>
        AtomicFile.Write(
            PathIn(folder),
            overwrite: true,
            stream =>
            {
                JsonSerializer.Serialize(stream, images, EvaluationJson.Indented.SensitiveImages);
                stream.WriteByte((byte)'\n');
            }
        );

    /// <summary>Reads a folder's images; null where it has no such file.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="BadInputException">The file cannot be read or is damaged.</exception>
    public static SensitiveImages? Read(string folder)
    {
        string path = PathIn(folder);
        if (!File.Exists(path))
            return null;
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        try
        {
            SensitiveImages read =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.SensitiveImages)
                ?? throw new JsonException("it is null");
            return read.Defect() is string defect ? throw Damaged(path, defect, null) : read;
        }
        catch (JsonException e)
        {
            throw Damaged(path, JsonPlace.Describe(e, text.Span), e);
        }
    }

    static BadInputException Damaged(string path, string defect, Exception? cause) =>
        BadInput.Damaged(path, $"{path} is not a run's list of sensitive images: {defect}.", Remedy.TakeAway, cause);
}
