using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>
/// The file <c>side-effects.json</c> of a run's folder, written anew after each corruption, from which measuring them
/// goes on.
/// </summary>
public static class SideEffectFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "side-effects.json";

    const int MaxLength = 64 << 20;

    /// <summary>The file of a folder.</summary>
    /// <param name="folder">The run's folder.</param>
    public static string PathIn(string folder) => Path.Combine(folder, FileName);

    /// <summary>Writes side effects, atomically.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="effects">What is measured so far.</param>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Write(string folder, SideEffects effects) =>
        AtomicFile.Write(
            PathIn(folder),
            overwrite: true,
            stream =>
            {
                JsonSerializer.Serialize(stream, effects, EvaluationJson.Indented.SideEffects);
                stream.WriteByte((byte)'\n');
            }
        );

    /// <summary>Reads a folder's side effects; null where it has no such file.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="BadInputException">The file cannot be read or is damaged.</exception>
    public static SideEffects? Read(string folder)
    {
        string path = PathIn(folder);
        if (!File.Exists(path))
            return null;
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        try
        {
            SideEffects read =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.SideEffects)
                ?? throw new JsonException("it is null");
            return read.Defect() is string defect ? throw Damaged(path, defect, null) : read;
        }
        catch (JsonException e)
        {
            throw Damaged(path, JsonPlace.Describe(e, text.Span), e);
        }
    }

    static BadInputException Damaged(string path, string defect, Exception? cause) =>
        BadInput.Damaged(path, $"{path} does not hold side effects of edits: {defect}.", Remedy.TakeAway, cause);
}
