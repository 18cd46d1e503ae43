using System.Globalization;
using System.Text;

namespace Retouch.Plots;

/// <summary>Text and numbers in an SVG.</summary>
static class SvgText
{
    /// <summary>A coordinate with at most two decimals, the same in every culture.</summary>
    public static string Number(double value) =>
        (Math.Round(value, 2) + 0.0).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>Text that XML takes for text, whatever it holds.</summary>
    public static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                escaped.Append(c).Append(text[++i]);
            else
                escaped.Append(
                    c switch
                    {
                        '&' => "&amp;",
                        '<' => "&lt;",
                        '>' => "&gt;",
                        '"' => "&quot;",
                        '\'' => "&#39;",
                        '\t' or '\n' or '\r' => " ",
                        // XML 1.0 has no place for other control characters, half surrogates and these two.
                        < ' ' or (>= '\uD800' and <= '\uDFFF') or '\uFFFE' or '\uFFFF' => "\uFFFD",
                        _ => c.ToString(),
                    }
                );
        }
        return escaped.ToString();
    }

    /// <summary>
    /// About how wide text becomes: an upper estimate over common sans-serif fonts, since an SVG's reader chooses the
    /// font.
    /// </summary>
    public static double Width(string text, double size)
    {
        double ems = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            ems += rune.Value switch
            {
                'i' or 'j' or 'l' or 'I' or '.' or ',' or ':' or ';' or '\'' or '|' or '!' or ' ' => 0.33,
                'f' or 't' or 'r' or '-' or '(' or ')' or '/' => 0.42,
                'm' or 'w' or 'M' or 'W' or '%' or '@' => 0.95,
                >= 'A' and <= 'Z' => 0.72,
                >= '⁰' and <= '⁻' or '¹' or '²' or '³' => 0.42,
                >= 0x1100 => 1.05,
                _ => 0.62,
            };
        }
        return ems * size;
    }

    /// <summary>Text cut with an ellipsis to a width.</summary>
    public static string Fit(string text, double size, double width)
    {
        if (Width(text, size) <= width)
            return text;
        Rune[] runes = [.. text.EnumerateRunes()];
        int keep = runes.Length;
        string cut;
        do cut = string.Concat(runes.Take(--keep)).TrimEnd() + "…";
        while (keep > 1 && Width(cut, size) > width);
        return cut;
    }

    /// <summary>Text in lines of a width, broken between words; what does not fit the last is cut.</summary>
    public static IReadOnlyList<string> Wrap(string text, double size, double width, int lines)
    {
        List<string> wrapped = [];
        string line = "";
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            string longer = line.Length == 0 ? word : $"{line} {word}";
            if (line.Length == 0 || wrapped.Count == lines - 1 || Width(longer, size) <= width)
            {
                line = longer;
            }
            else
            {
                wrapped.Add(line);
                line = word;
            }
        }
        if (line.Length > 0)
            wrapped.Add(line);
        return [.. wrapped.Select(l => Fit(l, size, width))];
    }
}
