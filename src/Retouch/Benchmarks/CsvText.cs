using System.Globalization;
using System.Text;

namespace Retouch.Benchmarks;

/// <summary>A table as comma-separated values (RFC 4180), with a header line and line feeds.</summary>
sealed class CsvText
{
    readonly StringBuilder _text = new();

    public CsvText(params string[] header) => Add([.. header]);

    /// <summary>Appends a line of texts and numbers; null is an empty cell.</summary>
    public void Add(params object?[] cells) => _text.AppendJoin(',', cells.Select(Cell)).Append('\n');

    public override string ToString() => _text.ToString();

    static string Cell(object? value) =>
        value switch
        {
            null => "",
            double number => number.ToString("R", CultureInfo.InvariantCulture),
            int number => number.ToString(CultureInfo.InvariantCulture),
            _ => Quote(value.ToString() ?? ""),
        };

    static string Quote(string text)
    {
        // A spreadsheet would compute a name that begins like a formula.
        if (text is ['=' or '+' or '-' or '@', ..])
            text = "'" + text;
        return text.AsSpan().ContainsAny(",\"\n\r")
            ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : text;
    }
}
