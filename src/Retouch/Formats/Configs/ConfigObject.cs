using System.Text.Json;

namespace Retouch.Formats;

/// <summary>An object of a JSON file beside a model, whose settings are read by name. Null is not stated.</summary>
/// <param name="Root">The object.</param>
/// <param name="Path">The file, for messages.</param>
readonly record struct ConfigObject(JsonElement Root, string Path)
{
    /// <summary>The names of what is stated.</summary>
    public IEnumerable<string> Names =>
        Root.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null).Select(p => p.Name).Distinct();

    /// <summary>Whether a setting is stated.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>A setting's value, or null.</summary>
    public JsonElement? Find(string name) =>
        Root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>An object within, or null if there is none of this name.</summary>
    public ConfigObject? Within(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.Object } value => new ConfigObject(value, Path),
            _ => throw Bad($"its {name} is not a JSON object"),
        };

    /// <exception cref="BadInputException">It is stated and no text.</exception>
    public string? Text(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.String } value => value.GetString(),
            _ => throw Bad($"its {name} is not a text"),
        };

    /// <exception cref="BadInputException">It is stated and neither true nor false.</exception>
    public bool? Flag(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            _ => throw Bad($"its {name} is neither true nor false"),
        };

    /// <exception cref="BadInputException">It is stated and no number below 10⁹.</exception>
    public double? Number(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.Number } value
                when value.TryGetDouble(out double number) && Math.Abs(number) < 1e9 => number,
            _ => throw Bad($"its {name} is not a number that could be meant"),
        };

    /// <exception cref="BadInputException">It is stated and no whole number from 1 on.</exception>
    public int? Count(string name) =>
        Number(name) switch
        {
            null => null,
            >= 1 and double count when count % 1 == 0 => (int)count,
            _ => throw Bad($"its {name} is {Shown(name)}, not a whole number from 1 on"),
        };

    /// <summary>A square's side, stated as one number or as two equal ones.</summary>
    /// <exception cref="BadInputException">It is stated and no square's.</exception>
    public int? Side(string name)
    {
        if (Find(name) is not JsonElement value)
            return null;
        double[] sides =
            value.ValueKind == JsonValueKind.Array
                ? [.. value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number ? v.GetDouble() : 0)]
                : [Number(name)!.Value];
        return sides.Length is 1 or 2 && sides[0] is >= 1 and <= 1 << 20 && sides[0] % 1 == 0 && sides[^1] == sides[0]
            ? (int)sides[0]
            : throw Bad($"its {name} is {Shown(name)}; Retouch opens models of square images and patches");
    }

    /// <summary>A setting's value as it stands in the file, shortened.</summary>
    public string Shown(string name) =>
        Find(name) switch
        {
            null => "null",
            { ValueKind: JsonValueKind.String } text => UserText.Quote(text.GetString()!),
            JsonElement value => UserText.Quote(value.GetRawText()).Trim('"'),
        };

    /// <summary>Refuses the file.</summary>
    public BadInputException Bad(string why) =>
        BadInput.Unsupported(Path, $"{Path}, beside the model, cannot be used: {why}.");
}
