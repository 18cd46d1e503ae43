using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Retouch.Formats;

/// <summary>
/// The class names of a model: one label an index, from 0 on without a gap. Immutable and thread-safe.
/// </summary>
public sealed class LabelSet
{
    readonly Label[] _labels;
    readonly bool _named;
    readonly ClassResolver _resolver;

    LabelSet(Label[] labels, bool named)
    {
        // A list of WordNet ids names its classes by them.
        _labels =
        [
            .. labels.Select(l =>
                l.WordNetId is null && ClassResolver.IsWordNetId(l.Name) ? l with { WordNetId = l.Name } : l
            ),
        ];
        _named = named;
        _resolver = new ClassResolver(_labels, named);
    }

    /// <summary>The number of classes.</summary>
    public int Count => _labels.Length;

    /// <summary>Whether the classes have names of their own rather than numbers.</summary>
    public bool HasNames => _named;

    /// <summary>The label at an index.</summary>
    /// <exception cref="BadInputException">The index is not one of the classes.</exception>
    public Label this[int index] =>
        index >= 0 && index < Count
            ? _labels[index]
            : throw _resolver.OutOfRange(index.ToString(CultureInfo.InvariantCulture));

    /// <summary>
    /// Reads a label file. JSON: a list of names, of {index, wnid, name} or of [wnid, name]; an object from index to
    /// name or to [wnid, name], or from name to index; the same as id2label, label2id, class_to_idx or idx_to_class
    /// of an object. Text: a name a line, each with a WordNet id or with its number before it; or a table with
    /// commas, semicolons or tabs, with a header or without.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read, its indices are not 0, 1, 2, ..., or it cannot be told what it holds; the message says
    /// why and, as far as one is to blame, which line.
    /// </exception>
    public static LabelSet Load(string path) => new(LabelFile.Read(path), named: true);

    /// <summary>Reads <see cref="ToJson"/>'s text, or any JSON that <see cref="Load"/> reads from a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <exception cref="BadInputException">
    /// It holds no labels whose indices are 0, 1, 2, ...; the message says why.
    /// </exception>
    internal static LabelSet FromJson(string json, string source) => new(LabelFile.ReadJson(json, source), named: true);

    /// <summary>
    /// The labels as one line of JSON: a list of names, or where there are WordNet ids of {index, wnid, name}.
    /// </summary>
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
        if (_labels.All(l => l.WordNetId is null))
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
    public static LabelSet FromNames(IEnumerable<string> names) =>
        FromLabels(names.Select((name, index) => new Label(index, null, name)));

    /// <summary>Labels in the order of their indices, which are 0, 1, 2, ...</summary>
    /// <exception cref="ArgumentException">There are none, or a name is blank.</exception>
    internal static LabelSet FromLabels(IEnumerable<Label> labels)
    {
        Label[] all = [.. labels];
        if (all.Length == 0 || all.Any(l => string.IsNullOrWhiteSpace(l.Name)))
            throw new ArgumentException("A label set needs at least one name, and none may be blank.", nameof(labels));
        return new LabelSet(all, named: true);
    }

    /// <summary>Stand-ins for the class names of a model without any: "class 0", "class 1", ...</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public static LabelSet Numbered(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new LabelSet(
            [.. Enumerable.Range(0, count).Select(i => new Label(i, null, $"class {i}"))],
            named: false
        );
    }

    /// <summary>
    /// The index that a user means. A WordNet id that the labels know goes first, then a name that is written exactly
    /// so. Then a number is an index, and any other text is looked for without regard to case, to '_' against ' ' and
    /// to dots at the end, as a name or as the first synonym of one ("tench" for "tench, Tinca tinca"). A number
    /// before a WordNet id that the labels know says nothing more; before a name it must agree. <c>index:7</c> is the
    /// class of index 7, whatever the classes are called.
    /// </summary>
    /// <exception cref="BadInputException">
    /// No class is meant (the message offers near names), several are (it lists them), or name and number mean
    /// different ones (it says both).
    /// </exception>
    public int Resolve(string text) => _resolver.Match(text).Required;

    /// <summary>The same, with the refusal as a value.</summary>
    internal ClassMatch Match(string text) => _resolver.Match(text);

    /// <summary>The class of an index that cannot be a name, as a number in JSON.</summary>
    /// <exception cref="BadInputException">There is none, or another class has this number for its name.</exception>
    internal ClassMatch MatchNumber(string number) => _resolver.MatchNumber(number);

    /// <summary>
    /// Whether a text is a number that no class has for its name, so that it can be nothing but an index.
    /// </summary>
    internal bool IsOnlyNumber(string text) => _resolver.IsOnlyNumber(text);

    /// <summary>Whether a text is the number of a class.</summary>
    internal bool HasIndex(string text) => _resolver.NumberIn(text) is not null;

    /// <summary>
    /// The index that a text is not read as although it is its number, because a class is called so, or null if there
    /// is no such doubt.
    /// </summary>
    /// <exception cref="BadInputException">As of <see cref="Resolve"/>.</exception>
    public int? OtherReading(string text) =>
        _resolver.NumberIn(text) is int number && number != Resolve(text) ? number : null;
}
