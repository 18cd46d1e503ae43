using System.Text.Json;
using Retouch.Formats;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// The images that a person confirmed on a <see cref="ContactSheet"/>, as its page saves them: JSON of groups, each
/// with its source, class, label, wrong class and images by path and hash. Immutable.
/// </summary>
public sealed record ConfirmedList
{
    internal const string Format = "retouch-confirmed";
    internal const int Version = 1;
    const int MaxLength = 64 << 20;

    /// <summary>The fingerprint of the model whose failures these are.</summary>
    public required string Model { get; init; }

    /// <summary>The groups, each with the images that were confirmed, at least one.</summary>
    public required IReadOnlyList<FailureGroup> Groups { get; init; }

    /// <summary>Reads a list.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is no such list; the message says why.
    /// </exception>
    public static ConfirmedList Load(string path)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        Document document;
        try
        {
            document =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.ConfirmedListDocument)
                ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw BadInput.Mismatch(
                path,
                $"{path} is not a list of confirmed images: {JsonPlace.Describe(e, text.Span)}.",
                Remedy.GiveMade(Artifact.ConfirmedList),
                e
            );
        }
        // The reader's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is not a list of confirmed images: it holds a text that is not valid Unicode.",
                cause: e
            );
        }
        if (document.Format != Format || document.Version != Version)
            throw BadInput.Mismatch(
                path,
                $"{path} is not a list of confirmed images of version {Version}.",
                Remedy.GiveMade(Artifact.ConfirmedList)
            );
        Group[] groups = [.. document.Groups.Where(g => g?.Images is { Count: > 0 })];
        if (groups.Length == 0)
            throw BadInput.Missing(path, $"{path} holds no confirmed image.", Remedy.MakeAgain(Artifact.ConfirmedList));
        ConfirmedList list = new()
        {
            Model = document.Model,
            Groups = [.. groups.Select(g => new FailureGroup(g.Source, g.Class, [g.Label], g.Wrong, g.Images))],
        };
        return BenchmarkFile.Defect(list.Model, list.Groups, fewest: 1) is string defect
            ? throw BadInput.Damaged(path, $"{path} is a damaged list of confirmed images: {defect}.")
            : list;
    }

    /// <summary>Checks that the list belongs to a model.</summary>
    /// <exception cref="BadInputException">It is another model's, or names classes that this one lacks.</exception>
    public void RequireModel(VitModel model)
    {
        if (model.Fingerprint != Model)
            throw BadInput.Mismatch(
                Model,
                $"The confirmed images are failures of the model {Model}, but this model is {model.Fingerprint}.",
                Remedy.Make(Artifact.ContactSheet)
            );
        if (Groups.FirstOrDefault(g => g.Wrong >= model.Config.Classes || g.Label >= model.Config.Classes) is { } group)
            throw BadInput.Damaged(
                null,
                $"The confirmed group {group.Name} names a class that the model, which has {model.Config.Classes}, "
                    + "lacks; the file was changed."
            );
    }

    internal sealed record Document(
        string Format,
        int Version,
        string Model,
        string Stronger,
        IReadOnlyList<Group> Groups
    );

    internal sealed record Group(
        string Source,
        string Class,
        int Label,
        int Wrong,
        IReadOnlyList<BenchmarkImage> Images
    );
}
