using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>The file <c>masks.json</c> of a run's folder: comparisons of masks, one a locator and keep ratio.</summary>
public static class MaskFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "masks.json";

    const int MaxLength = 64 << 20;

    /// <summary>Adds a comparison to a folder's, in the place of an earlier one of the same masks.</summary>
    /// <param name="folder">The folder, which is created where it does not exist.</param>
    /// <param name="comparison">What to add.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="BadInputException">The file cannot be written, is damaged, or is of another model.</exception>
    public static string Add(string folder, MaskComparison comparison)
    {
        OutputFolder.Create(folder);
        string path = Path.Combine(folder, FileName);
        // What another process adds meanwhile would be lost.
        using WriterLock writer = WriterLock.Wait(path, "bench masks");
        IReadOnlyList<MaskComparison> there = Read(folder);
        if (there.FirstOrDefault(m => m.Model != comparison.Model) is { } other)
            throw BadInput.Mismatch(
                path,
                $"{path} compares masks of the model {other.Model}, but this model is {comparison.Model}.",
                Remedy.OtherOutput
            );
        IReadOnlyList<MaskComparison> all = [.. there.Where(m => Key(m) != Key(comparison)), comparison];
        AtomicFile.Write(
            path,
            overwrite: true,
            stream =>
            {
                JsonSerializer.Serialize(stream, all, EvaluationJson.Indented.IReadOnlyListMaskComparison);
                stream.WriteByte((byte)'\n');
            }
        );
        return path;

        static (string, string?, double, int) Key(MaskComparison m) => (m.Locator, m.LocatorFile, m.Keep, m.Seed);
    }

    /// <summary>A folder's comparisons; none where it has no such file.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is damaged.</exception>
    public static IReadOnlyList<MaskComparison> Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return [];
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        try
        {
            IReadOnlyList<MaskComparison> read =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.IReadOnlyListMaskComparison)
                ?? throw new JsonException("it is null");
            return read.All(IsWhole)
                ? read
                : throw BadInput.Damaged(
                    path,
                    $"{path} is not a comparison of masks: its comparison {read.TakeWhile(IsWhole).Count() + 1} has "
                        + "shares outside of [0,1], or a matrix that is not one of its groups.",
                    Remedy.GiveMade(Artifact.MaskComparison)
                );
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is not a comparison of masks: {JsonPlace.Describe(e, text.Span)}.",
                Remedy.GiveMade(Artifact.MaskComparison),
                e
            );
        }
    }

    static bool IsWhole(MaskComparison? m) =>
        m is { Specificity: { } s, Keep: > 0 and <= 1 }
        && IsShare(s.Within)
        && (s.Across is not double across || IsShare(across))
        && s.Groups.Count > 0
        && s.Groups.All(g => g is not null)
        && s.Matrix.Count == s.Groups.Count
        && s.Matrix.All(r => r?.Count == s.Groups.Count && r.All(IsShare));

    static bool IsShare(double value) => value is >= 0 and <= 1;
}
