using System.Globalization;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// The texts by which users and files state rotary positions: <c>none</c>, <c>eva</c>, <c>dinov3</c>, or one of the
/// last two and what differs, as <c>eva,period=100,reference=14</c>.
/// </summary>
public static class ModelRopes
{
    static readonly Dictionary<string, VitRope> Presets = new()
    {
        ["none"] = VitRope.None,
        ["eva"] = VitRope.Eva with { ReferenceGrid = null },
        ["dinov3"] = VitRope.Dinov3,
    };

    static readonly Dictionary<string, Func<VitRope, double, VitRope>> Settings = new()
    {
        ["period"] = (rope, value) => rope with { Temperature = value },
        ["offset"] = (rope, value) => rope with { GridOffset = value },
        ["reference"] = (rope, value) => rope with { ReferenceGrid = value == 0 ? null : (int)value },
        ["columns-first"] = (rope, value) => rope with { ColumnsFirst = value != 0 },
        ["halves"] = (rope, value) => rope with { Halves = value != 0 },
    };

    /// <summary>The names that a text begins with.</summary>
    public static IReadOnlyCollection<string> Names => Presets.Keys;

    /// <summary>The rotary positions of a text.</summary>
    /// <exception cref="BadInputException">The text is none of those.</exception>
    public static VitRope Parse(string text)
    {
        string[] parts = text.Split(',');
        if (!Presets.TryGetValue(parts[0], out VitRope? rope))
            throw Bad(text);
        foreach (string part in parts[1..])
        {
            rope =
                part.Split('=') is [string name, string number]
                && Settings.TryGetValue(name, out Func<VitRope, double, VitRope>? set)
                && double.TryParse(number, CultureInfo.InvariantCulture, out double value)
                && double.IsFinite(value)
                && Math.Abs(value) < 1e9
                    ? set(rope, value)
                    : throw Bad(text);
        }
        return rope;
    }

    /// <summary>The text of rotary positions.</summary>
    public static string NameOf(VitRope rope)
    {
        if (rope.Kind == VitRopeKind.None)
            return "none";
        string name = rope.Kind == VitRopeKind.Centered ? "dinov3" : "eva";
        VitRope preset = Presets[name];
        List<string> parts = [name];
        if (rope.Temperature != preset.Temperature)
            parts.Add("period=" + rope.Temperature.ToString("R", CultureInfo.InvariantCulture));
        if (rope.GridOffset != preset.GridOffset)
            parts.Add("offset=" + rope.GridOffset.ToString("R", CultureInfo.InvariantCulture));
        if (rope.ReferenceGrid != preset.ReferenceGrid)
            parts.Add("reference=" + (rope.ReferenceGrid ?? 0).ToString(CultureInfo.InvariantCulture));
        if (rope.ColumnsFirst != preset.ColumnsFirst)
            parts.Add($"columns-first={(rope.ColumnsFirst ? 1 : 0)}");
        if (rope.Halves != preset.Halves)
            parts.Add($"halves={(rope.Halves ? 1 : 0)}");
        return string.Join(',', parts);
    }

    static BadInputException Bad(string text) =>
        BadInput.Missing(
            text,
            $"The rotary positions {UserText.Quote(text)} are not known; there are {string.Join(", ", Names)}, and "
                + $"after a comma {string.Join(", ", Settings.Keys.Select(s => s + "=N"))}."
        );
}
