using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Retouch.Formats;

/// <summary>Reads labels from JSON: lists, and objects in either direction.</summary>
sealed class LabelJson
{
    // The members of a config that hold labels, and whether they go from name to index; the first that is there counts.
    static readonly (string Name, bool? ToIndex)[] Containers =
    [
        ("id2label", false),
        ("idx_to_class", false),
        ("class_to_idx", true),
        ("label2id", true),
        ("label_names", null),
    ];

    readonly string _path;
    readonly byte[] _text;
    string? _container;

    LabelJson(string text, string path) => (_path, _text) = (path, Encoding.UTF8.GetBytes(text));

    /// <summary>The labels of a text.</summary>
    /// <exception cref="BadInputException">It is no JSON, or not of labels.</exception>
    public static LabelListing Read(string text, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            LabelJson reader = new(text, path);
            return new LabelListing(reader.Labels(document.RootElement), reader.LineOf);
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is not valid JSON ({JsonPlace.Describe(e, text)}); give a JSON list of names, or a text file "
                    + "with one name a line.",
                cause: e
            );
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(path, $"{path} holds a text that is not valid Unicode.", cause: e);
        }
    }

    Label[] Labels(JsonElement root)
    {
        bool? toIndex = null;
        if (root.ValueKind == JsonValueKind.Object)
        {
            foreach ((string name, bool? direction) in Containers)
            {
                if (
                    root.TryGetProperty(name, out JsonElement held)
                    && held.ValueKind is JsonValueKind.Object or JsonValueKind.Array
                )
                {
                    (root, toIndex, _container) = (held, direction, name);
                    break;
                }
            }
        }
        if (root.ValueKind == JsonValueKind.Array)
            return [.. root.EnumerateArray().Select(FromItem)];
        if (root.ValueKind != JsonValueKind.Object)
            throw Unlike(null);
        JsonProperty[] members = [.. root.EnumerateObject()];
        return [.. toIndex ?? GoesToIndex(members) ? members.Select(FromName) : members.Select(FromIndex)];
    }

    // {"0": 0} is a class called 0, and {"0": "1"} class 0, called 1.
    static bool GoesToIndex(JsonProperty[] members) =>
        members.All(m => m.Value.ValueKind == JsonValueKind.Number)
        || (
            !members.All(m => Number(m.Name) is not null)
            && members.All(m => m.Value.ValueKind == JsonValueKind.String && Number(m.Value.GetString()!) is not null)
        );

    Label FromItem(JsonElement item, int position) =>
        item.ValueKind switch
        {
            JsonValueKind.String => Named(position, null, item, position),
            JsonValueKind.Array => Pair(position, item, position) ?? throw Unlike(position),
            JsonValueKind.Object
                when (item.TryGetProperty("index", out JsonElement number) || item.TryGetProperty("id", out number))
                    && number.ValueKind == JsonValueKind.Number
                    && number.TryGetInt32(out int index)
                    && (item.TryGetProperty("name", out JsonElement name) || item.TryGetProperty("label", out name)) =>
                Named(
                    index,
                    item.TryGetProperty("wnid", out JsonElement id) && id.ValueKind == JsonValueKind.String
                        ? id.GetString()
                        : null,
                    name,
                    position
                ),
            _ => throw Unlike(position),
        };

    Label FromIndex(JsonProperty member, int position)
    {
        int index =
            Number(member.Name)
            ?? throw BadInput.Damaged(
                _path,
                $"{_path} has the key {UserText.Quote(member.Name)} where a class number is needed{At(position)}."
            );
        return Pair(index, member.Value, position) ?? Named(index, null, member.Value, position);
    }

    Label FromName(JsonProperty member, int position)
    {
        int? index = member.Value.ValueKind switch
        {
            JsonValueKind.Number when member.Value.TryGetInt32(out int number) => number,
            JsonValueKind.String => Number(member.Value.GetString()!),
            _ => null,
        };
        if (string.IsNullOrWhiteSpace(member.Name))
            throw BadInput.Damaged(_path, $"{_path} has a blank name{At(position)}.");
        return new Label(
            index
                ?? throw BadInput.Damaged(
                    _path,
                    $"{_path} gives the class {UserText.Quote(member.Name)} something other than a class "
                        + $"number{At(position)}."
                ),
            null,
            member.Name
        );
    }

    // Keras's: ["n01440764", "tench"].
    Label? Pair(int index, JsonElement value, int position) =>
        value.ValueKind == JsonValueKind.Array
        && value.GetArrayLength() == 2
        && value[0].ValueKind == JsonValueKind.String
        && ClassResolver.IsWordNetId(value[0].GetString())
            ? Named(index, value[0].GetString(), value[1], position)
            : null;

    Label Named(int index, string? wordNetId, JsonElement name, int position) =>
        name.ValueKind == JsonValueKind.String && name.GetString() is string text && !string.IsNullOrWhiteSpace(text)
            ? new Label(index, wordNetId, text)
            : throw BadInput.Damaged(
                _path,
                $"The name of class {index} in {_path} is blank or not a text{At(position)}."
            );

    static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    BadInputException Unlike(int? position) =>
        BadInput.Mismatch(
            _path,
            $"{_path} is not a list of class names{(position is int place ? At(place) : "")}: a JSON list of names, of "
                + "{index, wnid, name} or of [wnid, name], an object from index to name or from name to index, or text "
                + "with one name a line."
        );

    string At(int position) => $" (line {LineOf(position)})";

    // The document knows no lines, so the text is walked again where one is asked for.
    int LineOf(int position)
    {
        Utf8JsonReader reader = new(_text);
        reader.Read();
        if (_container is not null)
        {
            while (
                reader.Read() && reader.TokenType == JsonTokenType.PropertyName && !reader.ValueTextEquals(_container)
            )
                reader.Skip();
            reader.Read();
        }
        for (int i = 0; reader.Read() && i < position; i++)
            reader.Skip();
        return LabelFile.LineAt(_text, (int)reader.TokenStartIndex);
    }
}
