using System.Collections;
using System.Text;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>
/// Labelled images as a list that millions may be in: their names lie in a <see cref="Spool"/>, and each image is made
/// when it is asked for. Grows until it is read; then safe for several threads.
/// </summary>
sealed class LabelledImages : IReadOnlyList<Labelled>
{
    readonly Spool _names = new();
    readonly Strings _roots = new();
    readonly Dictionary<(string Source, string Class, string Accepted, string? List), int> _numbers = [];
    readonly List<(string Source, string Class, IReadOnlyList<int> Accepted, string? List)> _groups = [];
    byte[] _buffer = new byte[256];
    (Labelled Image, int Group)? _last;

    /// <summary>How many there are.</summary>
    public int Count => _names.Count;

    /// <summary>One of them.</summary>
    /// <param name="place">Its place.</param>
    public Labelled this[int place]
    {
        get
        {
            using BinaryReader reader = new(new MemoryStream(_names[place], writable: false), Encoding.UTF8);
            (string source, string name, IReadOnlyList<int> accepted, string? list) = _groups[
                reader.Read7BitEncodedInt()
            ];
            ListPlace at = list is null ? default : new(reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt());
            int root = reader.Read7BitEncodedInt();
            string path = reader.ReadString();
            return new Labelled(source, name, accepted, path, root == 0 ? reader.ReadString() : _roots[root - 1] + path)
            {
                Listed = list is null ? null : (list, at),
            };
        }
    }

    /// <summary>Their files.</summary>
    public IReadOnlyList<string> FullPaths => new ListView<string>(Count, i => this[i].FullPath);

    /// <summary>What their classes are called, each once.</summary>
    public IEnumerable<string> Classes => _groups.Select(g => g.Class).Distinct();

    /// <summary>Adds one.</summary>
    public void Add(Labelled image)
    {
        bool isBelow = image.FullPath.EndsWith(image.Path, StringComparison.Ordinal);
        MemoryStream stream = new(_buffer, 0, _buffer.Length);
        int need = 32 + Encoding.UTF8.GetMaxByteCount(image.Path.Length + image.FullPath.Length);
        if (need > _buffer.Length)
        {
            _buffer = new byte[2 * need];
            stream = new MemoryStream(_buffer);
        }
        using BinaryWriter writer = new(stream, Encoding.UTF8);
        writer.Write7BitEncodedInt(Group(image));
        if (image.Listed is var (_, place))
        {
            writer.Write7BitEncodedInt(place.Line);
            writer.Write7BitEncodedInt(place.Row);
        }
        writer.Write7BitEncodedInt(isBelow ? 1 + _roots.Number(image.FullPath[..^image.Path.Length]) : 0);
        writer.Write(image.Path);
        if (!isBelow)
            writer.Write(image.FullPath);
        _names.Add(_buffer.AsSpan(0, (int)stream.Position));
    }

    /// <summary>Adds several, one after another.</summary>
    public void AddRange(IEnumerable<Labelled> images)
    {
        foreach (Labelled image in images)
            Add(image);
    }

    /// <summary>Two that are of one file; null where each file is there once.</summary>
    public (Labelled First, Labelled Second)? Twice()
    {
        // By hashes, since the names of millions take too much memory; what is alike is looked at again.
        ulong[] sorted = new ulong[Count];
        for (int i = 0; i < sorted.Length; i++)
            sorted[i] = Hash(this[i].FullPath);
        Array.Sort(sorted);
        HashSet<ulong> alike = [];
        for (int i = 1; i < sorted.Length; i++)
            if (sorted[i] == sorted[i - 1])
                alike.Add(sorted[i]);
        if (alike.Count == 0)
            return null;
        Dictionary<string, Labelled> seen = [];
        foreach (Labelled image in this)
            if (alike.Contains(Hash(image.FullPath)) && !seen.TryAdd(image.FullPath, image))
                return (seen[image.FullPath], image);
        return null;
    }

    /// <summary>Goes through them.</summary>
    public IEnumerator<Labelled> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    static ulong Hash(string path)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in path)
            hash = (hash ^ c) * 1099511628211;
        return hash;
    }

    int Group(Labelled image)
    {
        if (
            _last is var (last, known)
            && last.Source == image.Source
            && last.Class == image.Class
            && last.Listed?.List == image.Listed?.List
            && ReferenceEquals(last.Accepted, image.Accepted)
        )
            return known;
        string? list = image.Listed?.List;
        (string, string, string, string?) key = (image.Source, image.Class, string.Join(',', image.Accepted), list);
        if (!_numbers.TryGetValue(key, out int number))
        {
            _numbers[key] = number = _groups.Count;
            _groups.Add((image.Source, image.Class, image.Accepted, list));
        }
        _last = (image, number);
        return number;
    }

    /// <summary>Texts by number, each once.</summary>
    sealed class Strings
    {
        readonly Dictionary<string, int> _numbers = [];
        readonly List<string> _texts = [];

        public string this[int number] => _texts[number];

        public int Number(string text)
        {
            if (!_numbers.TryGetValue(text, out int number))
            {
                _numbers[text] = number = _texts.Count;
                _texts.Add(text);
            }
            return number;
        }
    }
}
