using System.Globalization;
using System.Text;

namespace Retouch.Formats;

/// <summary>Reads labels from a table: columns of numbers, WordNet ids and names, with a header or without.</summary>
sealed class LabelTable
{
    // What headers call the columns, in letters and digits alone; the first that is there counts.
    static readonly string[] IndexWords =
    [
        "index",
        "idx",
        "classid",
        "classidx",
        "classindex",
        "labelid",
        "labelidx",
        "labelindex",
        "id",
        "number",
        "target",
    ];
    static readonly string[] IdWords = ["wnid", "wordnetid", "synset", "synsetid"];
    static readonly string[] NameWords =
    [
        "name",
        "classname",
        "labelname",
        "label",
        "class",
        "category",
        "title",
        "text",
        "description",
        "words",
        "names",
        "labels",
        "classes",
        "classnames",
    ];

    readonly string _path;
    readonly string[]? _header;
    readonly string[][] _rows;

    LabelTable(string path, string[]? header, string[][] rows) => (_path, _header, _rows) = (path, header, rows);

    int FirstLine => _header is null ? 1 : 2;

    int Columns => _rows[0].Length;

    /// <summary>The labels of a table's lines, or null if they are no table.</summary>
    /// <exception cref="BadInputException">A file of tables, by its name, is not one, or it cannot be told what its
    /// columns hold.</exception>
    public static LabelListing? Read(string[] lines, string path)
    {
        if (lines.Length == 0)
            return null;
        string extension = Path.GetExtension(path).ToLowerInvariant();
        bool called = extension is ".csv" or ".tsv";
        foreach (char separator in (char[])['\t', ';', ','])
        {
            string[]?[] cells = [.. lines.Select(l => Cells(l, separator))];
            if (cells.All(c => c?.Length > 1 && c.Length == cells[0]!.Length) && Of(cells!, path, called) is { } table)
                return table.Labels();
        }
        if (!called)
            return null;
        char wanted = extension == ".tsv" ? '\t' : ',';
        string[][] rows = [.. lines.Select((l, i) => Cells(l, wanted) ?? throw Open(i, path))];
        if (Array.FindIndex(rows, r => r.Length != rows[0].Length) is > 0 and int other)
        {
            throw BadInput.Damaged(
                path,
                $"Line {other + 1} of {path} has {rows[other].Length} fields, but line 1 has {rows[0].Length}; "
                    + "put names that hold a comma into quotation marks."
            );
        }
        return (Of(rows, path, called) ?? throw BadInput.Missing(path, $"{path} holds no labels.")).Labels();
    }

    // A text that is not called a table is one only if a header or a column of numbers or WordNet ids shows it.
    static LabelTable? Of(string[][] cells, string path, bool called)
    {
        bool header = cells[0].Any(IsHeader) && !cells[0].Any(c => IsInteger(c) || ClassResolver.IsWordNetId(c));
        if (header && !called && !cells[0].All(IsHeader))
            header = false;
        string[][] rows = header ? cells[1..] : cells;
        if (rows.Length == 0)
            return null;
        LabelTable table = new(path, header ? cells[0] : null, rows);
        return called || header || Enumerable.Range(0, table.Columns).Any(table.Tells) ? table : null;
    }

    static BadInputException Open(int row, string path) =>
        BadInput.Damaged(path, $"Line {row + 1} of {path} has a quotation mark without its second.");

    // Whether a column shows that this is a table, which names with commas are not.
    bool Tells(int column) => IsOfIds(column) || (Numbers(column) is { } numbers && LabelText.AreIndices(numbers));

    LabelListing Labels()
    {
        int[] columns = [.. Enumerable.Range(0, Columns)];
        int? id = Only(columns.Where(IsOfIds), IdWords, "WordNet ids");
        int? index =
            Columns == 1 ? null : Only(columns.Where(c => Numbers(c) is not null), IndexWords, "class numbers");
        if (
            index is null
            && Numbering() is int strict
            && strict != id
            && Array.FindIndex(_rows, r => !IsInteger(r[strict])) is >= 0 and int bad
        )
        {
            string cell = UserText.Quote(_rows[bad][strict]);
            throw BadInput.Damaged(
                _path,
                $"Line {bad + FirstLine} of {_path} has {cell} where a class number is needed."
            );
        }
        int? named = Only(columns.Where(c => c != id && c != index), NameWords, "names");
        if ((named ?? id) is not int name || Numbering() == name)
            throw BadInput.Missing(_path, $"{_path} has no column of names (line 1).");
        IReadOnlyList<int>? numbers = index is int place ? Numbers(place) : null;
        Label[] labels =
        [
            .. _rows.Select((row, i) => new Label(numbers?[i] ?? i, id is int at ? row[at] : null, row[name])),
        ];
        return Array.FindIndex(labels, l => string.IsNullOrWhiteSpace(l.Name)) is >= 0 and int blank
            ? throw BadInput.Damaged(_path, $"Line {blank + FirstLine} of {_path} has a blank name.")
            : new LabelListing(labels, i => i + FirstLine);
    }

    // The one column of a kind, or of several the one that the header tells.
    int? Only(IEnumerable<int> columns, string[] words, string what)
    {
        int[] found = [.. columns];
        if (found.Length <= 1)
            return found.Length == 0 ? null : found[0];
        int? headed = _header is null
            ? null
            : words
                .Select(word => Array.FindIndex(_header, h => Plain(h) == word))
                .Where(found.Contains)
                .Cast<int?>()
                .FirstOrDefault();
        return headed
            ?? throw BadInput.Ambiguous(
                _path,
                $"{_path} has {found.Length} columns that may be {what} (line 1); "
                    + "keep one, or give the columns a header such as index,wnid,name."
            );
    }

    // The column that the header calls one of numbers.
    int? Numbering() =>
        _header is not null && Array.FindIndex(_header, h => IndexWords.Contains(Plain(h))) is >= 0 and int column
            ? column
            : null;

    bool IsOfIds(int column) => _rows.All(r => ClassResolver.IsWordNetId(r[column]));

    IReadOnlyList<int>? Numbers(int column)
    {
        int[] numbers = new int[_rows.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (
                !int.TryParse(
                    _rows[i][column],
                    NumberStyles.AllowLeadingSign,
                    CultureInfo.InvariantCulture,
                    out numbers[i]
                )
            )
                return null;
        }
        return numbers;
    }

    static bool IsHeader(string cell) =>
        Plain(cell) is var word && (IndexWords.Contains(word) || IdWords.Contains(word) || NameWords.Contains(word));

    static bool IsInteger(string cell) =>
        int.TryParse(cell, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    static string Plain(string cell) => string.Concat(cell.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    // The fields of a line, or null if a quotation mark lacks its second.
    internal static string[]? Cells(string line, char separator)
    {
        List<string> cells = [];
        for (int at = 0; ; )
        {
            while (at < line.Length && line[at] == ' ')
                at++;
            StringBuilder cell = new();
            if (at < line.Length && line[at] == '"')
            {
                for (at++; ; at++)
                {
                    if (at >= line.Length)
                        return null;
                    if (line[at] == '"' && (at + 1 >= line.Length || line[at + 1] != '"'))
                        break;
                    at += line[at] == '"' ? 1 : 0;
                    cell.Append(line[at]);
                }
                at++;
            }
            int end = line.IndexOf(separator, at);
            cell.Append(line.AsSpan(at, (end < 0 ? line.Length : end) - at).TrimEnd());
            cells.Add(cell.ToString());
            if (end < 0)
                return [.. cells];
            at = end + 1;
        }
    }
}
