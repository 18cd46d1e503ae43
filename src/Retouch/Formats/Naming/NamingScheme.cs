using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// How a family of checkpoints names a ViT's tensors: a table from canonical names to the file's, with
/// <c>{i}</c> for the block's number and <c>{part}</c> for a part within a module that a user put together, and what
/// is usual in this family. A scheme is data; the model knows none
/// of them. Immutable. <see cref="NamingSchemes"/> has those that are known.
/// </summary>
public sealed partial record NamingScheme
{
    // All patterns are this project's own, and in none do two quantifiers meet, so that backtracking costs little on
    // names from files that nobody vouches for. Automata for them would take 70 MB, anew for every file.
    static readonly ConcurrentDictionary<string, Regex> s_patterns = new();

    /// <summary>The scheme's name, as it is printed and as <c>--scheme</c> takes it.</summary>
    public required string Name { get; init; }

    /// <summary>The table; of several rows for one canonical tensor, the first is the one that is written.</summary>
    public required IReadOnlyList<TensorName> Names { get; init; }

    /// <summary>
    /// Tensors of a file that no classification needs, as regular expressions for whole names: a pooler, a mask token.
    /// </summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>
    /// Canonical tensors, beside those of a plain ViT, that models of this family may have, and plain ones that they
    /// may lack.
    /// </summary>
    public IReadOnlyList<string> Optional { get; init; } = [];

    /// <summary>What is usual in this family where no file says otherwise.</summary>
    public VitTraits Traits { get; init; } = new();

    /// <summary>What every model of this family has: it needs no file to state it.</summary>
    public VitTraits Certain { get; init; } = new();

    /// <summary>Whether models of this family see square images alone.</summary>
    public bool SquareImages { get; init; }

    /// <summary>The activations that a file of this family can state.</summary>
    public IReadOnlyList<VitActivation> Activations { get; init; } = [VitActivation.Gelu];

    /// <summary>How images become pixels where no file says, by the side of the image in pixels.</summary>
    public required Func<int, Preprocessing> Preprocessing { get; init; }

    /// <summary>Whether models can be written under these names.</summary>
    public bool Writable { get; init; } = true;

    /// <summary>
    /// Tensors, in the file's names, of which one must be there: by them a scheme is told from others with the same
    /// patch projection. None where that alone tells it.
    /// </summary>
    public IReadOnlyList<string> Witnesses { get; init; } = [];

    /// <summary>Canonical tensors that every file of this family has, where an architecture could do without.</summary>
    public IReadOnlyList<string> Required { get; init; } = [];

    /// <summary>The types by which a config of transformers calls models of this family.</summary>
    public IReadOnlyList<string> ModelTypes { get; init; } = ["vit", "deit", "vit_msn"];

    /// <summary>Whether the classifier's rows are class embeddings, which no file of this family holds.</summary>
    public bool ZeroShot { get; init; }

    /// <summary>The file's name of the patch projection, by which the scheme is recognized.</summary>
    public string Marker => Names.First(n => n.Canonical == VitNames.PatchWeight).InFile;

    /// <summary>
    /// The prefixes that training scripts left on this scheme's names in a file; averaged weights (EMA) come first, as
    /// in timm, then the shortest.
    /// </summary>
    internal IEnumerable<string> Prefixes(IEnumerable<string> fileNames)
    {
        Regex marker = Cached($"^(.*[./])?{Wrappers.Between(Marker)}$");
        return fileNames
            .Select(n => marker.Match(n))
            .Where(m => m.Success)
            .Select(m => m.Groups[1].Value)
            .OrderByDescending(p => Averaged().IsMatch(p))
            .ThenBy(p => p.Length)
            .ThenBy(p => p, StringComparer.Ordinal);
    }

    /// <summary>Whether one of the <see cref="Witnesses"/> is there, or none is asked for.</summary>
    internal bool IsWitnessed(IEnumerable<string> fileNames, string prefix) =>
        Witnesses.Count == 0
        || fileNames.Any(n => n.StartsWith(prefix, Ordinal) && Witnesses.Contains(n[prefix.Length..]));

    /// <summary>How many of a file's names under a prefix the scheme knows.</summary>
    internal int Known(IEnumerable<string> fileNames, string prefix)
    {
        Regex[] all = [.. Names.Select(n => Pattern(n.InFile)), .. Ignored.Select(i => Cached($"^(?:{i})$"))];
        return fileNames.Count(n => n.StartsWith(prefix, Ordinal) && all.Any(p => p.IsMatch(n[prefix.Length..])));
    }

    /// <summary>
    /// Maps a file's tensors under a prefix to canonical names. A name that the scheme does not know stays
    /// as it is, so that whoever builds the model can refuse it by name. Wrappers within names are taken off; a name of
    /// the scheme may also lack those that the prefix has, where a part of the model alone was wrapped.
    /// </summary>
    /// <returns>Canonical name to the file's tensors: one, or the three thirds in order.</returns>
    /// <exception cref="BadInputException">
    /// Two tensors of the file are one canonical one, or a third is missing.
    /// </exception>
    internal IReadOnlyDictionary<string, NamedTensor[]> Map(IEnumerable<string> fileNames, string prefix)
    {
        (Regex Pattern, TensorName Row)[] patterns = [.. Names.Select(n => (Pattern(n.InFile), n))];
        Regex[] ignored = [.. Ignored.Select(i => Cached($"^(?:{i})$"))];
        Dictionary<string, List<NamedTensor>> map = new(StringComparer.Ordinal);
        string unwrapped = Wrappers.TakenOff(prefix);
        List<(string InFile, string Bare, bool Under)> bares = [];
        foreach (string file in fileNames)
        {
            bool under = file.StartsWith(prefix, StringComparison.Ordinal);
            string bare = Wrappers.TakenOff(under ? file[prefix.Length..] : file);
            if (!under && unwrapped.Length < prefix.Length && bare.StartsWith(unwrapped, StringComparison.Ordinal))
                bare = bare[unwrapped.Length..];
            else if (!under)
                continue;
            if (!ignored.Any(i => i.IsMatch(bare)))
                bares.Add((file, bare, under));
        }
        StageNumbers stages = StageNumbers.Of(this, bares.Select(b => b.Bare));
        foreach ((string file, string bare, bool under) in bares)
        {
            (Match? match, TensorName? row) = patterns
                .Select(p => (p.Pattern.Match(bare), p.Row))
                .FirstOrDefault(m => m.Item1.Success);
            if (row is null && !under)
                continue;
            string canonical = row is null ? bare : stages.Canonical(row.Canonical, match!);
            (map.TryGetValue(canonical, out List<NamedTensor>? parts) ? parts : map[canonical] = []).Add(
                row is null
                    ? new NamedTensor(file, null, TensorLayout.Same)
                    : new NamedTensor(file, row.Part, row.Layout, row.Of, row.Span)
            );
        }
        bool keysHaveBias = map.Any(m =>
            m.Key.EndsWith("qkv.bias", Ordinal) && m.Value.Any(p => p.Part <= 1 && p.Part + p.Span > 1)
        );
        foreach ((string canonical, List<NamedTensor> parts) in map)
        {
            if (parts is [{ Part: null }])
                continue;
            if (canonical is VitNames.HeadWeight or VitNames.HeadBias)
                throw BadInput.Unsupported(
                    null,
                    $"The classifier has several layers "
                        + $"({string.Join(", ", parts.Select(p => p.InFile))}), and Retouch opens classifiers of one."
                );
            parts.Sort((a, b) => Nullable.Compare(a.Part, b.Part));
            int next = 0;
            List<int> lacking = [];
            foreach (NamedTensor part in parts)
            {
                if (part.Part is not int start || start < next || part.Of != parts[0].Of)
                    throw BadInput.Mismatch(
                        null,
                        $"The tensors {string.Join(" and ", parts.Select(p => p.InFile))} are one and the same to a "
                            + "model."
                    );
                lacking.AddRange(Enumerable.Range(next, start - next));
                next = start + part.Span;
            }
            lacking.AddRange(Enumerable.Range(next, parts[0].Of - next));
            // BEiT's and EVA's keys have no bias, in no block.
            if (lacking.Count == 0 || (lacking is [1] && canonical.EndsWith("qkv.bias", Ordinal) && !keysHaveBias))
                continue;
            IEnumerable<string> missing = lacking
                .Select(l => Beside(canonical, parts[0].InFile, prefix, l, stages))
                .OfType<string>();
            throw BadInput.Missing(
                null,
                (parts[0].Of == 3 ? "Of the query, key and value projections" : "Of the gates and values")
                    + $" there is only {string.Join(" and ", parts.Select(p => p.InFile))}"
                    + (missing.Any() ? $"; {string.Join(" and ", missing)} is missing." : ".")
            );
        }
        if (
            map.TryGetValue(VitNames.HeadWeight, out List<NamedTensor>? weight)
            && map.TryGetValue(VitNames.HeadBias, out List<NamedTensor>? bias)
            && Module(weight[0].InFile) != Module(bias[0].InFile)
        )
            throw BadInput.Unsupported(
                null,
                $"The classifier has several layers ({weight[0].InFile}, {bias[0].InFile}), "
                    + "and Retouch opens classifiers of one."
            );
        return map.ToDictionary(m => m.Key, m => m.Value.ToArray(), StringComparer.Ordinal);

        static string Module(string name) => name[..Math.Max(name.LastIndexOfAny(['.', '/']), 0)];
    }

    // What another part of a tensor would be called in a file that has one: the row for it next to that one's.
    string? Beside(string canonical, string there, string prefix, int part, StageNumbers stages)
    {
        string bare = Wrappers.TakenOff(there.StartsWith(prefix, Ordinal) ? there[prefix.Length..] : there);
        (TensorName Row, int Place)[] rows =
        [
            .. Names.Select((n, i) => (n, i)).Where(n => stages.Fits(n.n, canonical)),
        ];
        int place = rows.FirstOrDefault(r => Pattern(r.Row.InFile).IsMatch(bare)).Place;
        return rows.Where(r => r.Row.Part <= part && part < r.Row.Part + r.Row.Span)
            .OrderBy(r => Math.Abs(r.Place - place))
            .Select(r => prefix + stages.InFile(r.Row, canonical))
            .FirstOrDefault();
    }

    /// <summary>The file's tensors for a canonical one, in the scheme's own spelling.</summary>
    /// <returns>One, or the three thirds in order; none where the scheme has no name for it.</returns>
    internal NamedTensor[] InFile(string canonical) =>
        InFile(Names.Where(n => StageNumbers.None.Fits(n, canonical)), canonical, StageNumbers.None);

    static NamedTensor[] InFile(IEnumerable<TensorName> rows, string canonical, StageNumbers stages)
    {
        TensorName[] parts = [.. rows.DistinctBy(n => n.Part)];
        return
        [
            .. (parts.Any(r => r.Part is null) ? parts.Where(r => r.Part is null) : parts.OrderBy(r => r.Part)).Select(
                r => new NamedTensor(stages.InFile(r, canonical), r.Part, r.Layout, r.Of, r.Span)
            ),
        ];
    }

    /// <summary>What a canonical tensor is called in a file, or would be called where it is missing.</summary>
    internal string Spelled(string canonical, IReadOnlyDictionary<string, NamedTensor[]> names, string prefix)
    {
        if (names.TryGetValue(canonical, out NamedTensor[]? there))
            return string.Join(", ", there.Select(t => t.InFile));
        (string other, string own, string end) =
            canonical == VitNames.HeadBias
                ? (VitNames.HeadWeight, ".weight", ".bias")
                : (VitNames.HeadBias, ".bias", ".weight");
        if (
            canonical is VitNames.HeadBias or VitNames.HeadWeight
            && names.TryGetValue(other, out there)
            && there[0].InFile.EndsWith(own, Ordinal)
        )
            return there[0].InFile[..^own.Length] + end;
        string[] bares =
        [
            .. names
                .Values.SelectMany(n => n)
                .Select(n => n.InFile)
                .Where(n => n.StartsWith(prefix, Ordinal))
                .Select(n => Wrappers.TakenOff(n[prefix.Length..])),
        ];
        StageNumbers stages = StageNumbers.Of(this, bares);
        // Of several spellings the one that the file has in other blocks.
        TensorName[] rows = [.. Names.Where(n => stages.Fits(n, canonical))];
        TensorName[] used =
        [
            .. rows.Where(r => bares.Any(b => Pattern(r.InFile).IsMatch(b) || Pattern(Sibling(r.InFile)).IsMatch(b))),
        ];
        if (used.Length == 0 && names.ContainsKey(VitNames.SecondHeadWeight))
            used = rows[^Math.Min(1, rows.Length)..];
        NamedTensor[] tensors = InFile(used.Length > 0 ? used : rows, canonical, stages);
        return tensors.Length == 0 ? prefix + canonical : string.Join(", ", tensors.Select(t => prefix + t.InFile));
    }

    // A module's bias of its weight, and the other way round.
    static string Sibling(string name) =>
        name.EndsWith(".weight", Ordinal) ? name[..^".weight".Length] + ".bias"
        : name.EndsWith(".bias", Ordinal) ? name[..^".bias".Length] + ".weight"
        : name;

    /// <summary>Whether a file's name for a tensor is one that the family itself uses.</summary>
    internal bool IsOwn(string canonical, string inFile, string prefix)
    {
        bool under = inFile.StartsWith(prefix, StringComparison.Ordinal);
        string bare = Wrappers.TakenOff(under ? inFile[prefix.Length..] : inFile);
        return Names.Any(n => n.Canonical == canonical && n.InFile == bare);
    }

    const StringComparison Ordinal = StringComparison.Ordinal;

    static Regex Cached(string pattern) =>
        s_patterns.GetOrAdd(pattern, p => new Regex(p, RegexOptions.CultureInvariant));

    [GeneratedRegex(@"(^|[._])ema([._]|$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Averaged();

    /// <summary>A pattern for the file's names of a row, with groups <c>i</c> and <c>s</c> for their numbers.</summary>
    internal static Regex Pattern(string name) =>
        Cached(
            $"^{Regex.Escape(name)
        .Replace(@"\{i}", @"(?<i>\d{1,4})", StringComparison.Ordinal)
        .Replace(@"\{s}", @"(?<s>\d{1,2})", StringComparison.Ordinal)
        .Replace(@"\{part}", @"\w+(?:\.\w+)*", StringComparison.Ordinal)}$"
        );
}
