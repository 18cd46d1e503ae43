using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary>
/// Says which patches of a stack touch the same units or tensors, and refuses those that cancel each other.
/// </summary>
static class Overlaps
{
    const int Named = 3;

    public static void Print(Terminal terminal, string[] paths, IReadOnlyList<Patch> patches)
    {
        foreach (string note in Notes(paths, patches, "each was measured alone, so check the model with both"))
            terminal.Note(note);
    }

    /// <summary>What there is to say of each pair.</summary>
    /// <param name="paths">The patches' files.</param>
    /// <param name="patches">The patches.</param>
    /// <param name="measured">What was measured of them, to end each note with.</param>
    public static IEnumerable<string> Notes(string[] paths, IReadOnlyList<Patch> patches, string measured)
    {
        IReadOnlyList<PatchContradiction> contradictions = PatchLedger.Contradictions(patches);
        HashSet<(int, int)> warned = [.. contradictions.Select(c => (c.First, c.Second))];
        PatchOverlap[] overlaps = [.. PatchLedger.Overlaps(patches).Where(o => !warned.Contains((o.First, o.Second)))];
        PatchSharing[] sharings = [.. PatchLedger.Sharings(patches).Where(s => !warned.Contains((s.First, s.Second)))];
        return
        [
            .. First(contradictions, c => $"warning: {Text(paths, c)}"),
            .. First(
                overlaps,
                o =>
                    $"note: {paths[o.First]} and {paths[o.Second]} both touch {Count(o.Units, "unit")} "
                    + $"(IoU {o.IntersectionOverUnion:0.000}); {measured}."
            ),
            .. First(
                sharings,
                s =>
                    $"note: {paths[s.First]} and {paths[s.Second]} both change "
                    + $"{Count(s.Tensors, "whole tensor")}; {measured}."
            ),
        ];
    }

    // Of many patches the pairs are too many to read.
    static IEnumerable<string> First<T>(IReadOnlyCollection<T> pairs, Func<T, string> text)
    {
        int more = pairs.Count - Named;
        return
        [
            .. pairs.Take(Named).Select(text),
            .. more > 0 ? (string[])[$"note: so do {Count(more, "more pair")}"] : [],
        ];
    }

    static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    /// <exception cref="BadInputException">Two patches are the same or rewrite the same unit.</exception>
    public static void Refuse(string[] paths, IReadOnlyList<Patch> patches)
    {
        IReadOnlyList<PatchContradiction> all = PatchLedger.Contradictions(patches);
        if (all.Count == 0)
            return;
        string more = all.Count > Named ? $"; so do {all.Count - Named} more pairs" : "";
        throw new BadInputException(
            "Together these patches do not do what each does alone: "
                + $"{string.Join("; ", all.Take(Named).Select(c => Text(paths, c)))}{more}. Leave one of each pair "
                + "out, or pass --force to take them all the same."
        );
    }

    static string Text(string[] paths, PatchContradiction c) => c.Why(paths[c.First], paths[c.Second]);
}
