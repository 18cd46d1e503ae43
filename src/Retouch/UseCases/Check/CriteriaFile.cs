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
    public static CheckCriteria Load(string path)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        Document document;
        try
        {
            document =
                JsonSerializer.Deserialize(text.Span, CheckJson.Default.CriteriaDocument)
                ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} does not hold criteria: {JsonPlace.Describe(e, text.Span)}.",
                cause: e
            );
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
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        CheckCriteria criteria = new()
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
        return criteria;

        string[] Beside(IReadOnlyList<string?>? paths) =>
            [
                .. (paths ?? []).Select(p =>
                    string.IsNullOrWhiteSpace(p) || p.Contains('\0')
                        ? throw BadInput.Damaged(path, $"{path} names a file or folder whose name is empty or none.")
                        : Path.GetFullPath(p, folder)
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
