namespace Retouch.Letters;

/// <summary>A font family of the list: where it comes from, under which licence, and for which set.</summary>
/// <param name="Name">The family's name in its package's file names.</param>
/// <param name="Package">The npm package.</param>
/// <param name="Version">Its version.</param>
/// <param name="Licence">Its licence, as SPDX calls it.</param>
/// <param name="Kind">sans, serif, mono, slab, blackletter, script or display.</param>
/// <param name="Set">train, locality or edit; a family is in one of them only.</param>
sealed record FontFamily(string Name, string Package, string Version, string Licence, string Kind, string Set)
{
    static readonly string[] Majority = ["sans", "serif", "mono", "slab"];
    static readonly string[] Minority = ["blackletter", "script", "display"];

    /// <summary>Whether it is one of those that training sees.</summary>
    public bool IsMajority => Majority.Contains(Kind);

    /// <summary>Reads the list: tab-separated, a header line, one family a line.</summary>
    /// <exception cref="BadInputException">A line is malformed, or a family is listed twice.</exception>
    public static IReadOnlyList<FontFamily> ReadList(string path)
    {
        FontFamily[] families =
        [
            .. File.ReadLines(path)
                .Skip(1)
                .Select(
                    (line, i) =>
                        line.Split('\t')
                            is [string name, string package, string version, string licence, string kind, string set]
                        && (Majority.Contains(kind) || Minority.Contains(kind) && set == "edit")
                        && set is "train" or "locality" or "edit"
                            ? new FontFamily(name, package, version, licence, kind, set)
                            : throw new BadInputException(
                                $"{path}, line {i + 2}: give family, package, version, licence, kind and set, "
                                    + "separated by tabs."
                            )
                ),
        ];
        return families.GroupBy(f => f.Package).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw new BadInputException($"{path} lists {twice.Key} twice.")
            : families;
    }
}
