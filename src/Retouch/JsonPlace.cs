using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Retouch;

/// <summary>Says for a person where and how a JSON text is wrong.</summary>
static class JsonPlace
{
    const int Longest = 100;

    /// <summary>Line and column, both from 1, and what is wrong: "line 3, column 14: its text is malformed".</summary>
    /// <param name="e">What the reader said.</param>
    /// <param name="json">The text that it read.</param>
    /// <param name="linesBefore">Lines of the file before that text.</param>
    public static string Describe(JsonException e, ReadOnlySpan<byte> json, long linesBefore = 0)
    {
        string what = What(e);
        if (e is not { LineNumber: long line, BytePositionInLine: long at })
            return what;
        long column = Column(json, line, at, IsSyntax(e));
        return string.Create(CultureInfo.InvariantCulture, $"line {linesBefore + line + 1}, column {column}: {what}");
    }

    /// <summary>As <see cref="Describe(JsonException, ReadOnlySpan{byte}, long)"/>, of a text.</summary>
    public static string Describe(JsonException e, string json) => Describe(e, Encoding.UTF8.GetBytes(json));

    // The only place that looks into the reader's words: what is missing, unknown or there twice they alone say. Those
    // are taken that name no type of this program.
    static string What(JsonException e)
    {
        const string missing = "missing required properties including:";
        int at = e.Message.IndexOf(missing, StringComparison.Ordinal);
        if (at >= 0)
            return $"{Part(e)}lacks {e.Message[(at + missing.Length)..].Split(". Path:")[0].Trim(' ', '.', ';')}";
        if (e.Message.Contains("could not be mapped", StringComparison.Ordinal))
            return $"{Part(e)}is not known";
        if (e.Message.StartsWith("Duplicate propert", StringComparison.Ordinal))
            return "a property is there twice";
        if (IsSyntax(e) || string.IsNullOrEmpty(e.Path) || e.Path == "$")
            return "its text is malformed";
        return e is FiniteNumber.BeyondDoubleException
            ? $"{Part(e)}is {FiniteNumber.Complaint}"
            : $"{Part(e)}is missing, malformed or of the wrong type";
    }

    static string Part(JsonException e) =>
        string.IsNullOrEmpty(e.Path) || e.Path == "$" ? "it " : $"its part {Cut(e.Path)} ";

    // The reader's own kind of exception is not public.
    static bool IsSyntax(JsonException e) =>
        e is not FiniteNumber.BeyondDoubleException
        && (e.GetType() != typeof(JsonException) || e.InnerException is JsonException);

    // The reader counts bytes, and after a value that it understood.
    static long Column(ReadOnlySpan<byte> json, long line, long at, bool syntax)
    {
        for (; line > 0 && json.IndexOf((byte)'\n') is >= 0 and int end; line--)
            json = json[(end + 1)..];
        ReadOnlySpan<byte> before = json[..(int)Math.Clamp(at, 0, json.Length)];
        return Math.Max(Encoding.UTF8.GetCharCount(before) + (syntax ? 1 : 0), 1);
    }

    static string Cut(string path)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in path.AsSpan(0, Math.Min(path.Length, Longest)))
            quoted.Append(char.IsControl(c) ? '\uFFFD' : c);
        return quoted.Append(path.Length > Longest ? "…\"" : "\"").ToString();
    }
}
