namespace Retouch.Formats;

/// <summary>The labels of a file as they stand in it, in any order of their indices. Immutable.</summary>
/// <param name="Labels">The labels.</param>
/// <param name="LineOf">The line, from 1 on, of the label at a place of the list.</param>
sealed record LabelListing(IReadOnlyList<Label> Labels, Func<int, int> LineOf)
{
    const int IdLength = 9;

    /// <summary>The same, with the WordNet id that stands before each name ("n01440764 tench") apart from it.</summary>
    /// <exception cref="BadInputException">It stands before some names only.</exception>
    public LabelListing WithWordNetIds(string path)
    {
        bool[] has = [.. Labels.Select(l => l.WordNetId is null && StartsWithId(l.Name))];
        if (!has.Contains(true))
            return this;
        int without = Array.IndexOf(has, false);
        int with = Array.IndexOf(has, true);
        if (without >= 0)
        {
            throw BadInput.Missing(
                path,
                $"Line {LineOf(without)} of {path} has no WordNet id before a name, which line {LineOf(with)} has; "
                    + "give all classes one, or none."
            );
        }
        return this with
        {
            Labels = [.. Labels.Select(l => l with { WordNetId = l.Name[..IdLength], Name = AfterId(l.Name) })],
        };
    }

    static string AfterId(string name) => name[IdLength..].TrimStart([' ', '\t', ',', ':', ';']);

    static bool StartsWithId(string name) =>
        name.Length > IdLength
        && ClassResolver.IsWordNetId(name.AsSpan(0, IdLength))
        && name[IdLength] is ' ' or '\t' or ',' or ':' or ';'
        && AfterId(name).Length > 0;
}
