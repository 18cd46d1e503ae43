using System.Globalization;
using System.Text;

namespace Retouch.Formats;

/// <summary>Puts text from untrusted files into messages.</summary>
static class UserText
{
    const int Longest = 100;
    const int MostAxes = 16;

    /// <summary>The text in quotation marks, cut to a readable length, without what could steer a terminal.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, Longest)))
            quoted.Append(
                char.IsControl(c)
                || char.GetUnicodeCategory(c)
                    is UnicodeCategory.Format
                        or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator
                    ? '\uFFFD'
                    : c
            );
        return quoted.Append(text.Length > Longest ? "…\"" : "\"").ToString();
    }

    /// <summary>A shape as Python prints a list: [3, 224, 224]; cut where it has more axes than any tensor.</summary>
    public static string Shape(IReadOnlyCollection<long> shape) =>
        $"[{string.Join(", ", shape.Take(MostAxes))}{(shape.Count > MostAxes ? $", … {shape.Count} axes" : "")}]";
}
