using System.Globalization;

namespace Retouch.Images;

/// <summary>Where in a list a row is, from 1 on.</summary>
/// <param name="Line">The file's line; 0 where it has none.</param>
/// <param name="Row">Which row, where several may share a line; 0 where the line says it.</param>
readonly record struct ListPlace(int Line, int Row = 0)
{
    /// <summary>As in "line 7 of list.csv".</summary>
    public override string ToString() =>
        Row == 0 || Row == Line ? Text($"line {Line}")
        : Line == 0 ? Text($"row {Row}")
        : Text($"row {Row} (line {Line})");

    /// <summary>The same at the beginning of a sentence.</summary>
    public string Begin => $"{char.ToUpperInvariant(ToString()[0])}{ToString()[1..]}";

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
