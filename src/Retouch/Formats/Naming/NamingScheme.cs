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
        foreach (string file in fileNames)
        {
            bool under = file.StartsWith(prefix, StringComparison.Ordinal);
            string bare = Wrappers.TakenOff(under ? file[prefix.Length..] : file);
            if (!under && unwrapped.Length < prefix.Length && bare.StartsWith(unwrapped, StringComparison.Ordinal))
                bare = bare[unwrapped.Length..];
            else if (!under)
                continue;
            if (ignored.Any(i => i.IsMatch(bare)))
                continue;
            (Match? match, TensorName? row) = patterns
                .Select(p => (p.Pattern.Match(bare), p.Row))
                .FirstOrDefault(m => m.Item1.Success);
            if (row is null && !under)
                continue;
            string canonical = row is null
                ? bare
                : row.Canonical.Replace("{i}", match!.Groups[1].Value, StringComparison.Ordinal);
            (map.TryGetValue(canonical, out List<NamedTensor>? parts) ? parts : map[canonical] = []).Add(
                new NamedTensor(file, row?.Part, row?.Layout ?? TensorLayout.Same)
            );
        }
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
            if (parts.Count(p => p.Part == 0) > 1 || parts.Count > 3 || parts.Any(p => p.Part is null))
                throw BadInput.Mismatch(
                    null,
                    $"The tensors {string.Join(" and ", parts.Select(p => p.InFile))} are one and the same to a model."
                );
            if (parts.Count < 3)
                throw BadInput.Missing(
                    null,
                    "Of the query, key and value projections there is only "
                        + $"{string.Join(" and ", parts.Select(p => p.InFile))}."
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

    /// <summary>The file's tensors for a canonical one, in the scheme's own spelling.</summary>
    /// <returns>One, or the three thirds in order; none where the scheme has no name for it.</returns>
    internal NamedTensor[] InFile(string canonical)
    {
        Match block = Regex.Match(canonical, @"^blocks\.(\d+)\.", RegexOptions.CultureInvariant);
        string general = block.Success ? $"blocks.{{i}}.{canonical[block.Length..]}" : canonical;
        string number = block.Groups[1].Value;
        TensorName[] rows = [.. Names.Where(n => n.Canonical == general).DistinctBy(n => n.Part)];
        return
        [
            .. (rows.Any(r => r.Part is null) ? rows.Where(r => r.Part is null) : rows.OrderBy(r => r.Part)).Select(
                r => new NamedTensor(r.InFile.Replace("{i}", number, StringComparison.Ordinal), r.Part, r.Layout)
            ),
        ];
    }

    /// <summary>What a canonical tensor is called in a file, or would be called where it is missing.</summary>
    internal string Spelled(string canonical, IReadOnlyDictionary<string, NamedTensor[]> names, string prefix)
    {
        if (names.TryGetValue(canonical, out NamedTensor[]? there))
            return string.Join(", ", there.Select(t => t.InFile));
        const string weight = ".weight";
        if (
            canonical == VitNames.HeadBias
            && names.TryGetValue(VitNames.HeadWeight, out there)
            && there[0].InFile.EndsWith(weight, StringComparison.Ordinal)
        )
            return there[0].InFile[..^weight.Length] + ".bias";
        NamedTensor[] own = InFile(canonical);
        return own.Length == 0 ? prefix + canonical : string.Join(", ", own.Select(t => prefix + t.InFile));
    }

    /// <summary>Whether a file's name for a tensor is one that the family itself uses.</summary>
    internal bool IsOwn(string canonical, string inFile, string prefix)
    {
        bool under = inFile.StartsWith(prefix, StringComparison.Ordinal);
        string bare = Wrappers.TakenOff(under ? inFile[prefix.Length..] : inFile);
        return Names.Any(n => n.Canonical == canonical && n.InFile == bare);
    }

    static Regex Cached(string pattern) =>
        s_patterns.GetOrAdd(pattern, p => new Regex(p, RegexOptions.CultureInvariant));

    [GeneratedRegex(@"(^|[._])ema([._]|$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Averaged();

    static Regex Pattern(string name) =>
        Cached(
            $"^{Regex.Escape(name)
        .Replace(@"\{i}", @"(\d{1,4})", StringComparison.Ordinal)
        .Replace(@"\{part}", @"\w+(?:\.\w+)*", StringComparison.Ordinal)}$"
        );
}
