using System.Text;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>
/// Criteria on disk: a JSON object with a property for each of <see cref="CheckCriteria"/> that asks something, in
/// camel case; <c>format</c> and <c>version</c> may stand beside them. Names that are none are refused.
/// </summary>
public static class CriteriaFile
{
    const string Format = "retouch-criteria";
    const int Version = 1;
    const int MaxLength = 1 << 20;

    /// <summary>Reads criteria.</summary>
    /// <param name="path">The file, from whose folder the paths in it go on.</param>
    /// <exception cref="BadInputException">
    /// It cannot be read, names something that is no criterion, or one is out of range.
    /// </exception>
    public static CheckCriteria Load(string path) =>
        Read(InputFile.ReadJson(path, MaxLength).Span, path, Path.GetDirectoryName(Path.GetFullPath(path))!);

    /// <summary>Reads criteria from a text, such as one that <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <param name="folder">The folder from which the paths in it go on.</param>
    /// <exception cref="BadInputException">It names something that is no criterion, or holds none.</exception>
    public static CheckCriteria FromJson(string json, string source, string folder) =>
        Read(Encoding.UTF8.GetBytes(json), source, folder);

    /// <summary>Criteria as one line of JSON.</summary>
    /// <param name="criteria">The criteria.</param>
    /// <param name="folder">The folder from which the paths in it are to go on.</param>
    public static string ToJson(CheckCriteria criteria, string folder)
    {
        return JsonSerializer.Serialize(
            new Document
            {
                MaxBroken = criteria.MaxBroken,
                MaxBrokenPerClass = criteria.MaxBrokenPerClass,
                MaxNegativeFlipRate = criteria.MaxNegativeFlipRate,
                MinFixed = criteria.MinFixed,
                FixedAmong = From(criteria.FixedAmong),
                MinNetGain = criteria.MinNetGain,
                MinAccuracy = criteria.MinAccuracy,
                MinLocality = criteria.MinLocality,
                Locality = criteria.Locality is string locality ? From([locality])![0] : null,
                MustBeRight = From(criteria.MustBeRight),
            },
            CheckJson.Line.CriteriaDocument
        );

        string[]? From(IReadOnlyList<string> paths) =>
            paths.Count == 0
                ? null
                :
                [
                    .. paths.Select(p =>
                        Path.GetRelativePath(Path.GetFullPath(folder), Path.GetFullPath(p)).Replace('\\', '/')
                    ),
                ];
    }

    static CheckCriteria Read(ReadOnlySpan<byte> text, string path, string folder)
    {
        Document document;
        try
        {
            document =
                JsonSerializer.Deserialize(text, CheckJson.Default.CriteriaDocument)
                ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(path, $"{path} does not hold criteria: {JsonPlace.Describe(e, text)}.", cause: e);
        }
        // The reader's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(path, $"{path} holds a text that is not valid Unicode.", cause: e);
        }
        if (document.Format is not (null or Format) || document.Version is not (null or Version))
            throw BadInput.Unsupported(
                path,
                $"{path} is {UserText.Quote(document.Format ?? Format)} of version {document.Version ?? Version}; "
                    + $"criteria are {Format} of version {Version}."
            );
        return new CheckCriteria
        {
            MaxBroken = document.MaxBroken,
            MaxBrokenPerClass = document.MaxBrokenPerClass,
            MaxNegativeFlipRate = document.MaxNegativeFlipRate,
            MinFixed = document.MinFixed,
            FixedAmong = Beside(document.FixedAmong),
            MinNetGain = document.MinNetGain,
            MinAccuracy = document.MinAccuracy,
            MinLocality = document.MinLocality,
            Locality = document.Locality is string locality ? Beside([locality])[0] : null,
            MustBeRight = Beside(document.MustBeRight),
        };

        string[] Beside(IReadOnlyList<string?>? paths) =>
            [
                .. (paths ?? []).Select(p =>
                    string.IsNullOrWhiteSpace(p) || p.Contains('\0')
                        ? throw BadInput.Damaged(path, $"{path} names a file or folder whose name is empty or none.")
                        : Path.GetFullPath(p, Path.GetFullPath(folder))
                ),
            ];
    }

    internal sealed record Document(
        string? Format = null,
        int? Version = null,
        int? MaxBroken = null,
        int? MaxBrokenPerClass = null,
        double? MaxNegativeFlipRate = null,
        int? MinFixed = null,
        IReadOnlyList<string?>? FixedAmong = null,
        int? MinNetGain = null,
        double? MinAccuracy = null,
        double? MinLocality = null,
        string? Locality = null,
        IReadOnlyList<string?>? MustBeRight = null
    );
}
