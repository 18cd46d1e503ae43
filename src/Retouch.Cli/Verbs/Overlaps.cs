using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary>Says which patches of a stack touch the same units.</summary>
static class Overlaps
{
    public static void Print(Terminal terminal, string[] paths, IReadOnlyList<Patch> patches)
    {
        foreach (PatchOverlap overlap in PatchLedger.Overlaps(patches))
        {
            terminal.Note($"note: {paths[overlap.First]} and {paths[overlap.Second]} both touch {overlap.Units} units (IoU {overlap.IntersectionOverUnion:0.000}); "
                + "each was measured alone, so check the model with both.");
        }
    }
}
