using Retouch.Patches;

namespace Retouch.Editing;

/// <summary>What an edit makes of a codebook.</summary>
/// <param name="Entries">The entries that are widened or split, with their new radii.</param>
/// <param name="Radius">The radius of the entry that is added, or null where a wider one serves the images.</param>
readonly record struct CodebookChange(IReadOnlyList<CodebookEntry> Entries, double? Radius);
