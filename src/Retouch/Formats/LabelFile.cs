using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Retouch.Formats;

/// <summary>Reads the label files that are in use; <see cref="LabelSet.Load"/> lists them.</summary>
static class LabelFile
{
    // Ten times the names of ImageNet-21k.
    const long MaxLength = 16 << 20;

    public static Label[] Read(string path)
    {
        string text = ReadText(path);
        bool json = text.AsSpan().TrimStart() is ['[' or '{', ..]
            || Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase);
        List<Label> labels = json ? FromJson(text, path) : FromLines(text, path);
        if (labels.Count == 0)
            throw new BadInputException($"{path} holds no labels.");
        return Ordered(labels, path);
    }

    static string ReadText(string path)
    {
        using FileStream stream = InputFile.Open(path);
        if (stream.Length > MaxLength)
            throw new BadInputException($"{path} has {stream.Length} bytes, too many for a file of class names; is it another file?");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        if (!Utf8.IsValid(bytes) || bytes.Contains((byte)0))
        {
            string kind = FileKind.Describe(bytes) is string known ? $"; it looks like {known}" : "";
            throw new BadInputException($"{path} is not a file of class names in UTF-8 text{kind}.");
        }
        return Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF');
    }

    static List<Label> FromLines(string text, string path)
    {
        // The end of the last line starts no further one; a gap within the list would shift all that follows.
        string[] lines = text.TrimEnd().Split('\n');
        var labels = new List<Label>(lines.Length);
        foreach (string line in text.TrimEnd().Length == 0 ? [] : lines)
        {
            if (string.IsNullOrWhiteSpace(line))
                throw new BadInputException($"Line {labels.Count + 1} of {path} is blank; every line must name a class.");
            labels.Add(new Label(labels.Count, null, line.Trim()));
        }
        return labels;
    }

    static List<Label> FromJson(string text, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("id2label", out JsonElement names))
                root = names;
            return root.ValueKind switch
            {
                JsonValueKind.Array => [.. root.EnumerateArray().Select((item, position) => FromItem(item, position, path))],
                JsonValueKind.Object => [.. root.EnumerateObject().Select(member => FromMember(member, path))],
                _ => throw Unlike(path),
            };
        }
        catch (JsonException e)
        {
            throw new BadInputException($"{path} is not valid JSON ({JsonPlace.Describe(e, text)}); give a JSON list of names, or a text file with one name a line.", e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw new BadInputException($"{path} holds a text that is not valid Unicode.", e);
        }
    }

    static Label FromItem(JsonElement item, int position, string path) => item.ValueKind switch
    {
        JsonValueKind.String => Named(position, null, item, path),
        JsonValueKind.Object when item.TryGetProperty("index", out JsonElement number)
                && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out int index)
                && item.TryGetProperty("name", out JsonElement name) =>
            Named(index, item.TryGetProperty("wnid", out JsonElement id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null, name, path),
        _ => throw Unlike(path),
    };

    static Label FromMember(JsonProperty member, string path) =>
        int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? Named(index, null, member.Value, path)
            : throw new BadInputException($"{path} has the key {UserText.Quote(member.Name)} where a class number is needed.");

    static Label Named(int index, string? wordNetId, JsonElement name, string path) =>
        name.ValueKind == JsonValueKind.String && name.GetString() is string text && !string.IsNullOrWhiteSpace(text)
            ? new Label(index, wordNetId, text)
            : throw new BadInputException($"The name of class {index} in {path} is blank or not a text.");

    static Label[] Ordered(List<Label> labels, string path)
    {
        Label[] ordered = [.. labels.OrderBy(l => l.Index)];
        for (int i = 0; i < ordered.Length; i++)
        {
            if (i > 0 && ordered[i].Index == ordered[i - 1].Index)
                throw new BadInputException($"{path} names class {ordered[i].Index} twice.");
            if (ordered[i].Index != i)
                throw new BadInputException(ordered[i].Index < 0
                    ? $"{path} has the negative class number {ordered[i].Index}."
                    : $"{path} names no class {i}; the numbers must run from 0 to {ordered.Length - 1} without a gap.");
        }
        return ordered;
    }

    static BadInputException Unlike(string path) =>
        new($"{path} is not a list of class names: a JSON list of names, a list of {{index, wnid, name}}, an object from index to name, or text with one name a line.");
}
