using System.Text;

namespace Retouch.Formats;

/// <summary>Puts text from files that nobody vouches for into messages.</summary>
static class UserText
{
    const int Longest = 100;

    /// <summary>The text in quotation marks, cut to a readable length, without what could steer a terminal.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, Longest)))
            quoted.Append(char.IsControl(c) ? '\uFFFD' : c);
        return quoted.Append(text.Length > Longest ? "…\"" : "\"").ToString();
    }

    /// <summary>A shape as Python prints a list: [3, 224, 224].</summary>
    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
