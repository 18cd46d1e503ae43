using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Retouch.Formats;

/// <summary>
/// Says which class a text means, by one rule for all that names classes: folders, options and lists. Immutable.
/// </summary>
sealed class ClassResolver
{
    /// <summary>What stands before a number that is meant as a number, whatever the classes are called.</summary>
    public const string NumberMark = "index:";

    // What stands before a WordNet id that can be nothing else.
    const string IdMark = "wnid:";

    // The number of classes at which 0386_n02504458 is as ImageNet-1k numbers it, with no label to check it by.
    const int ImageNetClasses = 1000;
    const int WordNetIdLength = 9;

    // What a folder's name cannot hold on some system, and what stands for a space.
    static readonly char[] Separators = ['_', ' ', '\t', '/', '\\', ':', '*', '?', '"', '<', '>', '|'];

    readonly IReadOnlyList<Label> _labels;
    readonly bool _named;
    readonly ILookup<string, int> _byWordNetId;
    readonly ILookup<string, int> _byExactName;
    readonly ILookup<string, int> _byName;
    readonly ILookup<string, int> _byFirstSynonym;
    readonly ILookup<string, int> _byNumber;

    /// <summary>Prepares the search.</summary>
    /// <param name="labels">The classes in the order of their indices.</param>
    /// <param name="named">Whether their names are their own.</param>
    public ClassResolver(IReadOnlyList<Label> labels, bool named)
    {
        (_labels, _named) = (labels, named);
        Label[] searchable = named ? [.. labels] : [];
        _byWordNetId = searchable
            .Where(l => l.WordNetId is not null)
            .ToLookup(l => l.WordNetId!, l => l.Index, StringComparer.OrdinalIgnoreCase);
        _byExactName = searchable.ToLookup(l => l.Name, l => l.Index, StringComparer.Ordinal);
        _byName = searchable.ToLookup(l => Normalize(l.Name), l => l.Index, StringComparer.Ordinal);
        _byFirstSynonym = searchable.ToLookup(l => FirstSynonym(l.Name), l => l.Index, StringComparer.Ordinal);
        _byNumber = searchable
            .Where(l => IsNumber(l.Name.Trim()))
            .ToLookup(l => WithoutZeros(l.Name.Trim()), l => l.Index, StringComparer.Ordinal);
    }

    /// <summary>
    /// The class that a text means; see <see cref="LabelSet.Resolve"/>. Refused where none is, or several.
    /// </summary>
    public ClassMatch Match(string text)
    {
        string trimmed = text.Trim();
        string wanted = Normalize(text);
        if (One(_byWordNetId[trimmed], text) is ClassMatch known)
            return known;
        if ((One(_byExactName[text], text) ?? One(_byExactName[trimmed], text)) is ClassMatch exact)
            return exact;
        if (wanted.Length == 0)
            return BadInput.OutOfRange(
                null,
                $"An empty text names no class; give a number from 0 to {Last} or a name."
            );
        ClassMatch? named = One(_byName[wanted], text) ?? One(_byFirstSynonym[wanted], text);
        if (named is { Refusal: not null } several)
            return several;
        if (IsNumber(trimmed.TrimStart('-')))
            return ByNumber(text, trimmed, named ?? One(_byNumber[WithoutZeros(trimmed)], text));
        if (named is ClassMatch found)
            return found;
        if (
            trimmed.StartsWith(NumberMark, StringComparison.OrdinalIgnoreCase)
            && trimmed[NumberMark.Length..] is var marked
        )
            return Indexed(marked);
        if (trimmed.StartsWith(IdMark, StringComparison.OrdinalIgnoreCase))
            return ById(trimmed[IdMark.Length..].Trim(), text);
        if (NumberAnd(trimmed, out string? number, out string? rest))
            return ByNumberAnd(text, number, rest);
        // n02085620-Chihuahua
        if (
            trimmed.Length > WordNetIdLength
            && !char.IsAsciiLetterOrDigit(trimmed[WordNetIdLength])
            && One(_byWordNetId[trimmed[..WordNetIdLength]], text) is ClassMatch first
        )
            return first;
        return _named && IsWordNetId(trimmed) ? ById(trimmed, text) : Unknown(text, wanted);
    }

    /// <summary>
    /// The class that a bare number means where it cannot be a name, as a number in JSON: refused if there is none, or
    /// if a class is called so and is another one.
    /// </summary>
    public ClassMatch MatchNumber(string text)
    {
        if (IndexOf(text) is not int index)
            return OutOfRange(text);
        int[] called = [.. _byNumber[WithoutZeros(text)]];
        return called.Length == 0 || called.Contains(index) ? index : TwoReadings(text, called[0], index);
    }

    /// <summary>Whether a text is a number that no class has for its name.</summary>
    public bool IsOnlyNumber(string text) => IsNumber(text.Trim()) && !_byNumber[WithoutZeros(text.Trim())].Any();

    /// <summary>The class whose number a text is, whatever the classes are called, or null if there is none.</summary>
    public int? NumberIn(string text) => IndexOf(text.Trim());

    /// <summary>The error for a number that is no class's.</summary>
    public BadInputException OutOfRange(string index) =>
        BadInput.OutOfRange(
            index,
            $"There is no class {UserText.Quote(index)}; the classes are numbered from 0 to {Last}."
        );

    int Last => _labels.Count - 1;

    ClassMatch Indexed(string number) => IndexOf(number) is int index ? index : OutOfRange(number);

    ClassMatch ByNumber(string text, string number, ClassMatch? named)
    {
        if (named is not ClassMatch name)
            return Indexed(number);
        return name.Refusal is null && IndexOf(number) is int place && name.Index != place
            ? TwoReadings(text, name.Index, place)
            : name;
    }

    ClassMatch ById(string id, string text) =>
        One(_byWordNetId[id], text)
        ?? (
            _byWordNetId.Count > 0
                ? BadInput.Missing(text, $"No class has the WordNet id {UserText.Quote(id)}; give a name or a number.")
                : BadInput.Missing(
                    text,
                    $"The labels have no WordNet ids, so {UserText.Quote(id)} cannot be looked up; give a number from "
                        + $"0 to {Last}.",
                    Remedy.Option(Parameter.Labels)
                )
        );

    // A number and a name, as folders of data sets have: 0386_n02504458, 0386_African_elephant.
    ClassMatch ByNumberAnd(string text, string number, string rest)
    {
        if (One(_byWordNetId[rest], text) is ClassMatch known)
            return known;
        int? index = IndexOf(number);
        if (IsWordNetId(rest))
        {
            if (_byWordNetId.Count > 0 || _labels.Count != ImageNetClasses)
                return Unchecked(text, rest, index);
            return Indexed(number);
        }
        int[] named =
            new[] { _byExactName[rest], _byName[Normalize(rest)], _byFirstSynonym[Normalize(rest)] }
                .Select(matches => matches.ToArray())
                .FirstOrDefault(matches => matches.Length > 0)
            ?? [];
        if (named.Length == 0)
            return Unknown(text, Normalize(text));
        return index is int place && named.Contains(place) ? place : TwoReadings(text, named[0], index);
    }

    ClassMatch? One(IEnumerable<int> matches, string text)
    {
        int[] found = [.. matches];
        return found.Length switch
        {
            0 => null,
            1 => found[0],
            _ => Several(text, found),
        };
    }

    int? IndexOf(string number) =>
        IsNumber(number)
        && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
        && index < _labels.Count
            ? index
            : null;

    // How a number has to be written so that it is read as one.
    string Number(int index) => _byNumber.Count > 0 ? $"{NumberMark}{Text(index)}" : Text(index);

    BadInputException Several(string text, int[] found)
    {
        string what = found.All(i => _labels[i].WordNetId is not null) ? "WordNet id or the number" : "number";
        return BadInput.Ambiguous(
            text,
            $"{UserText.Quote(text)} names {found.Length} classes: "
                + $"{string.Join(", ", found.Select(Place))}; give the {what} of the one you mean, as "
                + $"{Number(found[0])}."
        );
    }

    BadInputException TwoReadings(string text, int named, int? index)
    {
        string readings =
            $"{UserText.Quote(text)} has two readings: by name it is the class {Described(named)}, by number";
        return BadInput.Ambiguous(
            null,
            index is int place
                ? $"{readings} {Described(place)}; give the exact name, or {NumberMark}{Text(place)} for the number."
                : $"{readings} none of the classes; give the exact name alone."
        );
    }

    BadInputException Unchecked(string text, string id, int? index)
    {
        string ids =
            _byWordNetId.Count > 0
                ? $"the labels have WordNet ids, but not {id}"
                : $"the labels have no WordNet ids to look {id} up in";
        string number = index is int place ? $"the class {Described(place)}" : "none of the classes";
        return BadInput.Ambiguous(
            text,
            $"{UserText.Quote(text)} cannot be checked: {ids}, and by number it is {number} "
                + "only if its numbers are this model's; give labels with WordNet ids, or say which class it is."
        );
    }

    BadInputException Unknown(string text, string wanted)
    {
        if (!_named)
        {
            return BadInput.Missing(
                text,
                $"The names of the classes are not known, so {UserText.Quote(text)} cannot be looked up; "
                    + $"give a number from 0 to {Last}.",
                Remedy.Option(Parameter.Labels)
            );
        }
        IEnumerable<string> nearest = Nearest(wanted).Take(3).Select(l => $"{UserText.Quote(l.Name)} ({l.Index})");
        return BadInput.Missing(
            text,
            $"No class is called {UserText.Quote(text)}; the nearest are {string.Join(", ", nearest)}."
        );
    }

    string Place(int index) =>
        _labels[index].WordNetId is string id ? $"{Text(index)} ({UserText.Quote(id)})" : Text(index);

    string Described(int index) => $"{Text(index)} ({UserText.Quote(_labels[index].Name)})";

    // A name that contains the text ("golden retriever" for "retriever") is nearer than any misspelling.
    IEnumerable<Label> Nearest(string wanted) =>
        _labels
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

    /// <summary>Whether a text is written as a WordNet id: n01440764.</summary>
    public static bool IsWordNetId(ReadOnlySpan<char> text) =>
        text is ['n' or 'N', .. { Length: 8 } digits] && !digits.ContainsAnyExceptInRange('0', '9');

    static bool NumberAnd(string text, [NotNullWhen(true)] out string? number, [NotNullWhen(true)] out string? rest)
    {
        (number, rest) =
            text.Split('_', 2) is [string first, string second] && IsNumber(first)
                ? (first, second.Trim())
                : (null, null);
        return rest is { Length: > 0 };
    }

    static bool IsNumber(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('0', '9');

    static string WithoutZeros(string number) => number.TrimStart('0') is { Length: > 0 } rest ? rest : "0";

    static string Text(int index) => index.ToString(CultureInfo.InvariantCulture);

    // Windows drops dots and spaces at a folder's end.
    static string Normalize(string name)
    {
        string spaced = string.Join(
            ' ',
            name.ToLowerInvariant().Split(Separators, StringSplitOptions.RemoveEmptyEntries)
        );
        return spaced.TrimEnd('.', ' ') is { Length: > 0 } text ? text : spaced;
    }

    static string FirstSynonym(string name) => Normalize(name.Split(',')[0]);
}
