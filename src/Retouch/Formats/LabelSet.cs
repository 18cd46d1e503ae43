using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Retouch.Formats;

/// <summary>The class names of a model: one label an index, from 0 on without a gap. Immutable and thread-safe.</summary>
public sealed class LabelSet
{
    readonly Label[] _labels;
    readonly bool _named;
    readonly ILookup<string, int> _byWordNetId;
    readonly ILookup<string, int> _byExactName;
    readonly ILookup<string, int> _byName;
    readonly ILookup<string, int> _byFirstSynonym;

    LabelSet(Label[] labels, bool named)
    {
        _labels = labels;
        _named = named;
        Label[] searchable = named ? labels : [];
        _byWordNetId = searchable.Where(l => l.WordNetId is not null)
            .ToLookup(l => l.WordNetId!, l => l.Index, StringComparer.OrdinalIgnoreCase);
        _byExactName = searchable.ToLookup(l => l.Name, l => l.Index);
        _byName = searchable.ToLookup(l => Normalize(l.Name), l => l.Index);
        _byFirstSynonym = searchable.ToLookup(l => FirstSynonym(l.Name), l => l.Index);
    }

    /// <summary>The number of classes.</summary>
    public int Count => _labels.Length;

    /// <summary>Whether the classes have names of their own rather than numbers.</summary>
    public bool HasNames => _named;

    /// <summary>The label at an index.</summary>
    /// <exception cref="BadInputException">The index is not one of the classes.</exception>
    public Label this[int index] => index >= 0 && index < Count ? _labels[index] : throw OutOfRange(index.ToString());

    /// <summary>
    /// Reads a label file: a JSON list of {index, wnid, name}, a JSON list of names, a JSON object from index
    /// to name (or a model's config.json with such an id2label), or text with one name a line.
    /// </summary>
    /// <exception cref="BadInputException">The file cannot be read, or its indices are not 0, 1, 2, ...; the message says why.</exception>
    public static LabelSet Load(string path) => new(LabelFile.Read(path), named: true);

    /// <summary>Reads <see cref="ToJson"/>'s text, or any JSON that <see cref="Load"/> reads from a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <exception cref="BadInputException">It holds no labels whose indices are 0, 1, 2, ...; the message says why.</exception>
    internal static LabelSet FromJson(string json, string source) => new(LabelFile.ReadJson(json, source), named: true);

    /// <summary>The labels as one line of JSON: a list of names, or where there are WordNet ids of {index, wnid, name}.</summary>
    internal string ToJson()
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartArray();
            foreach (Label label in _labels)
                Write(json, label);
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    void Write(Utf8JsonWriter json, Label label)
    {
        if (_byWordNetId.Count == 0)
        {
            json.WriteStringValue(label.Name);
            return;
        }
        json.WriteStartObject();
        json.WriteNumber("index", label.Index);
        if (label.WordNetId is not null)
            json.WriteString("wnid", label.WordNetId);
        json.WriteString("name", label.Name);
        json.WriteEndObject();
    }

    /// <summary>Labels with these names, in the order of their indices.</summary>
    /// <exception cref="ArgumentException">There are no names, or one is blank.</exception>
    public static LabelSet FromNames(IEnumerable<string> names)
    {
        Label[] labels = [.. names.Select((name, index) => new Label(index, null, name))];
        if (labels.Length == 0 || labels.Any(l => string.IsNullOrWhiteSpace(l.Name)))
            throw new ArgumentException("A label set needs at least one name, and none may be blank.", nameof(names));
        return new LabelSet(labels, named: true);
    }

    /// <summary>Stand-ins for a model whose class names nobody gave: "class 0", "class 1", ...</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public static LabelSet Numbered(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new LabelSet([.. Enumerable.Range(0, count).Select(i => new Label(i, null, $"class {i}"))], named: false);
    }

    /// <summary>
    /// The index that a user means. Digits are always an index; otherwise a WordNet id, a name, or the first
    /// synonym of a name ("tench" for "tench, Tinca tinca") is looked for, without regard to case and to
    /// '_' against ' ' unless a name is written exactly so (ImageNet has a "Cardigan" and a "cardigan").
    /// </summary>
    /// <exception cref="BadInputException">No class is meant (the message offers near names) or several are (it lists them).</exception>
    public int Resolve(string text)
    {
        string wanted = Normalize(text);
        if (wanted.Length == 0)
            throw new BadInputException($"An empty text names no class; give a number from 0 to {Count - 1} or a name.");
        if (wanted.TrimStart('-') is { Length: > 0 } digits && digits.All(char.IsAsciiDigit))
            return int.TryParse(wanted, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index) && index >= 0 && index < Count
                ? index
                : throw OutOfRange(wanted);
        if (!_named)
            throw new BadInputException($"The names of the classes are not known, so {UserText.Quote(text)} cannot be looked up; give a number from 0 to {Count - 1}, or the names with --labels.");

        foreach (IEnumerable<int> matches in new[] { _byWordNetId[wanted], _byExactName[text], _byName[wanted], _byFirstSynonym[wanted] })
        {
            int[] found = [.. matches];
            if (found.Length == 1)
                return found[0];
            if (found.Length > 1)
                throw new BadInputException($"{UserText.Quote(text)} names {found.Length} classes: {string.Join(", ", found.Select(Describe))}; give the number of the one you mean.");
        }
        IEnumerable<string> nearest = Nearest(wanted).Take(3).Select(l => $"{UserText.Quote(l.Name)} ({l.Index})");
        throw new BadInputException($"No class is called {UserText.Quote(text)}; the nearest are {string.Join(", ", nearest)}.");
    }

    static string Normalize(string name) =>
        string.Join(' ', name.ToLowerInvariant().Split((char[])['_', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries));

    static string FirstSynonym(string name) => Normalize(name.Split(',')[0]);

    string Describe(int index) =>
        _labels[index].WordNetId is string id ? $"{index} ({UserText.Quote(id)})" : index.ToString();

    BadInputException OutOfRange(string index) =>
        new($"There is no class {UserText.Quote(index)}; the classes are numbered from 0 to {Count - 1}.");

    // A name that contains the text ("golden retriever" for "retriever") is nearer than any misspelling.
    IEnumerable<Label> Nearest(string wanted) => _labels
        .OrderBy(l => Normalize(l.Name).Contains(wanted, StringComparison.Ordinal) ? 0 : 1)
        .ThenBy(l => NameDistance(wanted, FirstSynonym(l.Name)));

    // By its nearest word, since "elefant" is far from the whole of "african elephant".
    static int NameDistance(string wanted, string name) =>
        name.Split(' ').Append(name).Min(part => EditDistance(wanted, part));

    static int EditDistance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[b.Length];
    }
}
