using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Data;

/// <summary>
/// Which classes a folder of images stands for. A folder is called by its class, as <see cref="LabelSet.Resolve"/>
/// has it, or as a mapping file says. Immutable.
/// </summary>
public sealed class ClassFolders
{
    const int MaxLength = 1 << 20;
    const char Bar = '|';

    readonly LabelSet _labels;
    readonly IReadOnlyDictionary<string, int[]> _accepted;

    ClassFolders(LabelSet labels, IReadOnlyDictionary<string, int[]> accepted) =>
        (_labels, _accepted) = (labels, accepted);

    /// <summary>Folders that are called by their classes.</summary>
    public ClassFolders(LabelSet labels)
        : this(labels, new Dictionary<string, int[]>()) { }

    /// <summary>What folders' names mean: as a mapping says, or the classes themselves.</summary>
    /// <param name="mapping">The file of a mapping (<see cref="Load"/>), or null for none.</param>
    /// <param name="labels">The names of the model's classes.</param>
    /// <exception cref="BadInputException">As of <see cref="Load"/>.</exception>
    public static ClassFolders Of(string? mapping, LabelSet labels) =>
        mapping is null ? new ClassFolders(labels) : Load(mapping, labels);

    /// <summary>The names of the folders that a mapping says something of; none where there is no mapping.</summary>
    public IReadOnlyCollection<string> Mapped => [.. _accepted.Keys];

    /// <summary>
    /// Reads a mapping: a JSON object from a folder's name to the list of classes that count as right for its
    /// images, each a number, which is an index, or a text as <see cref="LabelSet.Resolve"/> takes it, the one that an
    /// edit aims at first; an empty list leaves the folder out. Folders that it does not name are called by their
    /// classes.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read, or a class is not one of <paramref name="labels"/>; the message says which.
    /// </exception>
    public static ClassFolders Load(string path, LabelSet labels)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw Unlike("is not a JSON object");
            Dictionary<string, int[]> accepted = [];
            foreach (JsonProperty folder in json.RootElement.EnumerateObject())
            {
                if (folder.Value.ValueKind != JsonValueKind.Array)
                    throw Unlike($"gives {UserText.Quote(folder.Name)} no list");
                int[] classes = [.. folder.Value.EnumerateArray().Select(c => Class(folder.Name, c))];
                if (classes.Distinct().Count() < classes.Length)
                    throw BadInput.Ambiguous(path, $"{path} names a class of {UserText.Quote(folder.Name)} twice.");
                if (!accepted.TryAdd(folder.Name, classes))
                    throw BadInput.Ambiguous(path, $"{path} names the folder {UserText.Quote(folder.Name)} twice.");
            }
            return new ClassFolders(labels, accepted);
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(path, $"{path} is not valid JSON ({JsonPlace.Describe(e, text.Span)}).", cause: e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(path, $"{path} holds a text that is not valid Unicode.", cause: e);
        }

        int Class(string folder, JsonElement value)
        {
            if (value.ValueKind is not (JsonValueKind.Number or JsonValueKind.String))
                throw Unlike($"gives {UserText.Quote(folder)} something other than indices and names");
            ClassMatch match =
                value.ValueKind == JsonValueKind.Number
                    ? labels.MatchNumber(value.GetRawText())
                    : labels.Match(value.GetString()!);
            return match.Refusal is { } refusal
                ? throw refusal.At($"{path}, {UserText.Quote(folder)}", path)
                : match.Index;
        }

        BadInputException Unlike(string how) =>
            BadInput.Mismatch(
                path,
                $"{path} {how}; a mapping looks like {{\"elephant\": [386, 101, 385], \"horse\": [339]}}."
            );
    }

    /// <summary>
    /// The classes that count as right in a folder, the one that an edit aims at first; empty where the mapping leaves
    /// it out. Several have bars between them, as a list's rows do: <c>386|101</c>.
    /// </summary>
    /// <exception cref="BadInputException">The folder's name is no class.</exception>
    public IReadOnlyList<int> Accepted(string folder) =>
        TryAccepted(folder, out IReadOnlyList<int> classes, out _) ? classes : [_labels.Resolve(folder)];

    /// <summary>The same, of a folder that may be called otherwise.</summary>
    /// <param name="folder">The folder's name.</param>
    /// <param name="classes">The classes; empty where there are none.</param>
    /// <param name="problem">Why the name is no class; null where it is one, or is mapped.</param>
    /// <returns>Whether the folder has a name that is a class, or is mapped.</returns>
    public bool TryAccepted(string folder, out IReadOnlyList<int> classes, [NotNullWhen(false)] out Problem? problem)
    {
        problem = TryOne(folder, out classes);
        if (problem is null || !folder.Contains(Bar))
            return problem is null;
        List<int> several = [];
        foreach (string one in folder.Split(Bar, StringSplitOptions.TrimEntries))
        {
            problem = TryOne(one, out IReadOnlyList<int> right);
            if (problem is not null)
                return false;
            several.AddRange(right);
        }
        classes = [.. several.Distinct()];
        return true;
    }

    Problem? TryOne(string folder, out IReadOnlyList<int> classes)
    {
        if (_accepted.TryGetValue(folder, out int[]? mapped))
        {
            classes = mapped;
            return null;
        }
        ClassMatch match = _labels.Match(folder);
        classes = match.Refusal is null ? [match.Index] : [];
        return match.Refusal?.Problem;
    }

    /// <summary>
    /// What to say of folders whose names are classes' and at the same time numbers of other classes, which are taken
    /// by name; null where there is no such doubt.
    /// </summary>
    /// <param name="folders">The names of folders that are classes, or mapped.</param>
    public string? TakenByName(IEnumerable<string> folders)
    {
        string[] doubtful =
        [
            .. folders
                .Distinct()
                .Where(f => !_accepted.ContainsKey(f) && _labels.Match(f).Refusal is null)
                .Where(f => _labels.OtherReading(f) is not null)
                .Order(StringComparer.Ordinal),
        ];
        if (doubtful is not [string first, ..])
            return null;
        string others = doubtful.Length > 1 ? $" and {doubtful.Length - 1} more" : "";
        return $"classes: {UserText.Quote(first)}{others} are names of classes and numbers of others, and taken by "
            + $"name: {UserText.Quote(first)} is the class {_labels.Resolve(first)}, and "
            + $"{UserText.Quote($"{ClassResolver.NumberMark}{first}")} would be the number";
    }

    /// <summary>
    /// Refuses folders that are numbered otherwise than the classes: some numbers are classes', but not all.
    /// </summary>
    /// <param name="folders">The names of all folders.</param>
    /// <exception cref="BadInputException">They are; the message names one folder of each kind.</exception>
    public void RequireNumbering(IEnumerable<string> folders)
    {
        string[] numbers =
        [
            .. folders
                .Where(f => !_accepted.ContainsKey(f) && _labels.IsOnlyNumber(f))
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        string? counted = numbers.FirstOrDefault(_labels.HasIndex);
        string? beyond = numbers.FirstOrDefault(f => !_labels.HasIndex(f));
        if (beyond is null || counted is null)
            return;
        int index = _labels.Resolve(counted);
        throw BadInput.Ambiguous(
            beyond,
            $"The folders are numbered otherwise than the classes, which go from 0 to {_labels.Count - 1}: "
                + $"{UserText.Quote(beyond)} is none of them, "
                + $"so {UserText.Quote(counted)} cannot be trusted to be {index} "
                + $"({UserText.Quote(_labels[index].Name)}); "
                + "call the folders by names or WordNet ids.",
            Remedy.Option(Parameter.AcceptedClasses)
        );
    }
}
