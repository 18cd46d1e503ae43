using System.Globalization;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Evaluation;

/// <summary>
/// Which classes a folder of images stands for. A folder is called by a class's index, WordNet id or name,
/// by index and WordNet id (<c>0386_n02504458</c>), or as a mapping file says. Immutable.
/// </summary>
public sealed class ClassFolders
{
    const int MaxLength = 1 << 20;

    readonly LabelSet _labels;
    readonly IReadOnlyDictionary<string, int[]> _accepted;

    ClassFolders(LabelSet labels, IReadOnlyDictionary<string, int[]> accepted) => (_labels, _accepted) = (labels, accepted);

    /// <summary>Folders that are called by their classes.</summary>
    public ClassFolders(LabelSet labels) : this(labels, new Dictionary<string, int[]>()) { }

    /// <summary>
    /// Reads a mapping: a JSON object from a folder's name to the list of classes that count as right for its
    /// images, each an index, a WordNet id or a name, the one that an edit aims at first; an empty list
    /// leaves the folder out. Folders that it does not name are called by their classes.
    /// </summary>
    /// <exception cref="BadInputException">The file cannot be read, or a class is not one of <paramref name="labels"/>; the message says which.</exception>
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
                    throw new BadInputException($"{path} names a class of {UserText.Quote(folder.Name)} twice.");
                if (!accepted.TryAdd(folder.Name, classes))
                    throw new BadInputException($"{path} names the folder {UserText.Quote(folder.Name)} twice.");
            }
            return new ClassFolders(labels, accepted);
        }
        catch (JsonException e)
        {
            throw new BadInputException($"{path} is not valid JSON ({JsonPlace.Describe(e, text.Span)}).", e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw new BadInputException($"{path} holds a text that is not valid Unicode.", e);
        }

        int Class(string folder, JsonElement value)
        {
            string name = value.ValueKind switch
            {
                JsonValueKind.Number => value.GetRawText(),
                JsonValueKind.String => value.GetString()!,
                _ => throw Unlike($"gives {UserText.Quote(folder)} something other than indices and names"),
            };
            try
            {
                return labels.Resolve(name);
            }
            catch (BadInputException e)
            {
                throw new BadInputException($"{path}, {UserText.Quote(folder)}: {e.Message}", e);
            }
        }

        BadInputException Unlike(string how) => new($"{path} {how}; a mapping looks like {{\"elephant\": [386, 101, 385], \"horse\": [339]}}.");
    }

    /// <summary>The classes that count as right in a folder, the one that an edit aims at first; empty where the mapping leaves it out.</summary>
    /// <exception cref="BadInputException">The folder's name is no class.</exception>
    public IReadOnlyList<int> Accepted(string folder)
    {
        if (_accepted.TryGetValue(folder, out int[]? classes))
            return classes;
        if (folder.Split('_') is not [{ Length: > 0 } digits, ['n', .. { Length: 8 } synset] id] || !digits.All(char.IsAsciiDigit) || !synset.All(char.IsAsciiDigit))
            return [_labels.Resolve(folder)];
        int index = _labels.Resolve(digits);
        return _labels[index].WordNetId is { } known && known != id
            ? throw new BadInputException($"The folder {UserText.Quote(folder)} contradicts the labels, where class {index.ToString(CultureInfo.InvariantCulture)} is {known}.")
            : [index];
    }
}
