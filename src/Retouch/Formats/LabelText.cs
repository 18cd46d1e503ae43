using System.Globalization;
using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>Reads labels from lines of text: names, names after their numbers, or tables.</summary>
static partial class LabelText
{
    /// <summary>The labels of a text.</summary>
    /// <exception cref="BadInputException">A line is blank, or it cannot be told what the lines hold.</exception>
    public static LabelListing Read(string text, string path)
    {
        // The end of the last line starts no further one; a gap within the list would shift all that follows.
        string[] lines =
            text.TrimEnd().Length == 0 ? [] : [.. LineEnd().Split(text.TrimEnd()).Select(l => l.TrimEnd())];
        if (Array.FindIndex(lines, string.IsNullOrWhiteSpace) is >= 0 and int blank)
            throw BadInput.Damaged(path, $"Line {blank + 1} of {path} is blank; every line must name a class.");
        return LabelTable.Read(lines, path) ?? new LabelListing(Numbered(lines) ?? Named(lines), place => place + 1);
    }

    /// <summary>
    /// Whether numbers are meant as those of classes, rightly or not, rather than as parts of names ("5 euro").
    /// </summary>
    public static bool AreIndices(IReadOnlyList<int> numbers) =>
        numbers.Count > 0
        && (
            numbers[0] == 0
            || numbers.Order().SequenceEqual(Enumerable.Range(0, numbers.Count))
            || (numbers[0] == 1 && numbers.Zip(numbers.Skip(1)).All(n => n.First < n.Second))
        );

    static Label[] Named(string[] lines) => [.. lines.Select((line, index) => new Label(index, null, line.Trim()))];

    static Label[]? Numbered(string[] lines)
    {
        List<Label> labels = new(lines.Length);
        foreach (string line in lines)
        {
            Match match = NumberedLine().Match(line);
            ReadOnlySpan<char> number = match.Groups[1].ValueSpan;
            if (!match.Success || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
                return null;
            labels.Add(new Label(index, null, match.Groups[2].Value));
        }
        return AreIndices([.. labels.Select(l => l.Index)]) ? [.. labels] : null;
    }

    [GeneratedRegex("\r\n|\n|\r", RegexOptions.CultureInvariant)]
    private static partial Regex LineEnd();

    [GeneratedRegex(@"^\s*([0-9]+)(?:\s*[:;,=]\s*|\s+-\s+|\s+)(\S.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex NumberedLine();
}
