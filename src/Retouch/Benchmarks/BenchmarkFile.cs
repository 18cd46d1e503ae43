using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>
/// A benchmark on disk: a small JSON file of relative paths and hashes, to be shared without the images.
/// The same benchmark gives the same bytes.
/// </summary>
public static partial class BenchmarkFile
{
    const string Format = "retouch-benchmark";
    const int Version = 1;
    const int MaxLength = 64 << 20; // some 400 000 images

    /// <summary>Writes a benchmark, atomically.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be written, or would not be one that <see cref="Load"/> takes.
    /// </exception>
    public static void Save(Benchmark benchmark, string path, bool overwrite)
    {
        if (Defect(benchmark) is string defect)
            throw BadInput.Damaged(path, $"The benchmark cannot be written to {path}: {defect}.");
        Document document = ToDocument(benchmark);
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                JsonSerializer.Serialize(stream, document, EvaluationJson.Indented.Document);
                stream.WriteByte((byte)'\n');
            }
        );
    }

    /// <summary>Reads a benchmark.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is not a benchmark; the message says why.
    /// </exception>
    public static Benchmark Load(string path)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        Document document;
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            // Said first: of another format or version nothing else needs to fit.
            if (
                json.RootElement.ValueKind != JsonValueKind.Object
                || !json.RootElement.TryGetProperty("format", out JsonElement format)
                || format.ValueKind != JsonValueKind.String
                || format.GetString() != Format
            )
                throw BadInput.Mismatch(
                    path,
                    $"{path} is JSON but not a benchmark.",
                    Remedy.GiveMade(Artifact.Benchmark)
                );
            if (
                !json.RootElement.TryGetProperty("version", out JsonElement version)
                || version.ValueKind != JsonValueKind.Number
                || !version.TryGetInt32(out int number)
                || number != Version
            )
                throw BadInput.Unsupported(
                    path,
                    $"{path} is a benchmark of version "
                        + (version.ValueKind == JsonValueKind.Undefined ? "none" : UserText.Quote(version.GetRawText()))
                        + $"; this Retouch reads version {Version}."
                );
            document = JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.Document)!;
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is not the JSON of a benchmark: {JsonPlace.Describe(e, text.Span)}.",
                cause: e
            );
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(path, $"{path} holds a text that is not valid Unicode.", cause: e);
        }
        Benchmark benchmark = new()
        {
            ModelFingerprint = document.Model,
            Groups = document.Groups,
            Locality = document.Locality,
            SensitiveMargin = document.SensitiveMargin,
        };
        return Defect(benchmark) is string defect
            ? throw BadInput.Damaged(path, $"{path} is a damaged benchmark: {defect}.")
            : benchmark;
    }

    internal static Document ToDocument(Benchmark b) =>
        new(Format, Version, b.ModelFingerprint, b.Groups, b.SensitiveMargin, b.Locality);

    static string? Defect(Benchmark b)
    {
        if (!(b.SensitiveMargin is >= 0 and <= 1))
            return "its sensitive margin does not lie in [0,1]";
        if (Defect(b.ModelFingerprint, b.Groups, MiningSettings.FewestImages) is string defect)
            return defect;
        for (int i = 0; i < b.Locality.Count; i++)
        {
            if (b.Locality[i] is { } l && !(l.Margin is >= 0 and <= 1))
                return $"the margin of locality image {i} does not lie in [0,1]";
        }
        return Images(b.Locality.Select(x => x is null ? default : (x.Path, x.Sha256)), "of the locality set");
    }

    /// <summary>What is wrong with groups of a model's failures, or null if nothing is.</summary>
    internal static string? Defect(string model, IReadOnlyList<FailureGroup> groups, int fewest)
    {
        if (!Sha256().IsMatch(model))
            return "its model is no fingerprint";
        HashSet<string> names = [];
        for (int i = 0; i < groups.Count; i++)
        {
            if (groups[i] is not { } g)
                return $"group {i} is null";
            if (Name(g.Source) || Name(g.Class))
                return $"the source or class of group {i} is empty or not a plain name";
            if (
                g.Accepted.Count == 0
                || g.Accepted.Any(c => c < 0)
                || g.Accepted.Distinct().Count() < g.Accepted.Count
                || g.Wrong < 0
                || g.Accepted.Contains(g.Wrong)
            )
                return $"the classes of group {i} are not a list of accepted indices and a wrong one beside them";
            if (!names.Add(g.Name))
                return $"two groups are called {UserText.Quote(g.Name)}";
            if (g.Images.Count < fewest)
                return $"group {i} has {g.Images.Count} images; a group has at least {fewest}";
            if (
                Images(g.Images.Select(x => x is null ? default : (x.Path, x.Sha256)), $"of group {i}") is string defect
            )
                return defect;
        }
        return null;

        static bool Name(string text) =>
            string.IsNullOrWhiteSpace(text) || text.Any(c => char.IsControl(c) || c is '/' or '\\');
    }

    static string? Images(IEnumerable<(string? Path, string? Sha256)> images, string where)
    {
        HashSet<string> seen = [];
        foreach ((string? path, string? sha256) in images)
        {
            if (path is null || sha256 is null)
                return $"an image {where} is null";
            if (!IsBelow(path))
                return $"the path {UserText.Quote(path)} {where} is not one below a folder, with / between the parts";
            if (!Sha256().IsMatch(sha256))
                return $"the hash of {UserText.Quote(path)} {where} is not a SHA-256";
            if (!seen.Add(path))
                return $"{UserText.Quote(path)} is named twice among the images {where}";
        }
        return null;
    }

    // A file from elsewhere must not be able to name what lies outside the user's folder, on any system.
    internal static bool IsBelow(string path) =>
        path.Length is > 0 and <= 4096
        && !path.Any(c => char.IsControl(c) || c is '\\' or ':')
        && path.Split('/').All(part => part.Trim() is not ("" or "." or ".."));

    [GeneratedRegex("^[0-9a-f]{64}\\z")]
    private static partial Regex Sha256();

    internal sealed record Document(
        string Format,
        int Version,
        string Model,
        IReadOnlyList<FailureGroup> Groups,
        double SensitiveMargin,
        IReadOnlyList<LocalityImage> Locality
    );
}
