using System.Text.Json;
using System.Text.Json.Serialization;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Cli.Verbs;

/// <summary>
/// What made a folder of shifted images, kept in it, so that a run that goes on does not mix two shifts.
/// </summary>
sealed record ShiftRecord(string Kind, double Strength, int Seed, string Format, int? Quality)
{
    const string Name = "shift.json";

    /// <summary>
    /// True where the images were turned upright by EXIF first; null, never false, where they were not, as in records
    /// before there was a choice.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Turned { get; init; }

    /// <summary>Which way up the images were taken.</summary>
    [JsonIgnore]
    public ImageOrientation Orientation => Turned == true ? ImageOrientation.Exif : ImageOrientation.Stored;

    public override string ToString() =>
        $"{Kind} of strength {Strength} with seed {Seed} as {Format}"
        + (Quality is int quality ? $" of quality {quality}" : "")
        + (Turned == true ? ", turned upright by EXIF" : "");

    /// <summary>The record in a folder; null where there is none.</summary>
    /// <exception cref="BadInputException">The file is no record.</exception>
    public static ShiftRecord? Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), JsonOutput.Default.ShiftRecord)
                ?? throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path} does not say what made the images beside "
                    + "it"
                    + (
                        e is JsonException { LineNumber: long line, BytePositionInLine: long at }
                            ? $" (line {line + 1}, column {at + 1})"
                            : ""
                    )
                    + "; give another --out, or delete the file and pass --overwrite.",
                e
            );
        }
    }

    public void Write(string folder) =>
        AtomicFile.Write(
            Path.Combine(folder, Name),
            overwrite: true,
            stream => stream.Write(JsonSerializer.SerializeToUtf8Bytes(this, JsonOutput.Default.ShiftRecord))
        );
}
