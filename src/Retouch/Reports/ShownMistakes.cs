using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>Chooses the mistakes that a page has room for.</summary>
static class ShownMistakes
{
    // Where much is broken, room is left for what was wrong before.
    const double MostBroken = 2.0 / 3;

    /// <summary>
    /// Some of the mistakes: those that were right before first, as far as two thirds of the room, and of each cell of
    /// the confusion table in turn the one of which the model is surest, so that no cell is without a picture while
    /// another has many.
    /// </summary>
    /// <param name="summary">What was measured.</param>
    /// <param name="count">How many, at most.</param>
    public static IReadOnlyList<CheckedImage> Of(CheckSummary summary, int count)
    {
        CheckedImage[] wrong = [.. summary.Images.Where(i => !i.IsRight)];
        if (wrong.Length > count)
        {
            CheckedImage[] broken =
            [
                .. InTurn(wrong.Where(i => i.Flip == FlipKind.Broken)).Take((int)Math.Ceiling(MostBroken * count)),
            ];
            HashSet<CheckedImage> taken = new(broken, ReferenceEqualityComparer.Instance);
            wrong = [.. broken, .. InTurn(wrong.Where(i => !taken.Contains(i))).Take(count - broken.Length)];
        }
        return
        [
            .. wrong
                .OrderBy(i =>
                    i.Flip switch
                    {
                        FlipKind.Broken => 0,
                        FlipKind.Otherwise => 1,
                        _ => 2,
                    }
                )
                .ThenByDescending(i => i.After.Probability)
                .ThenBy(i => i.FullPath, StringComparer.Ordinal),
        ];
    }

    // The surest of each cell, then the next of each, of larger cells before smaller.
    static IEnumerable<CheckedImage> InTurn(IEnumerable<CheckedImage> images) =>
        images
            .GroupBy(i => (i.Label, i.After.Class))
            .SelectMany(cell =>
                cell.OrderByDescending(i => i.After.Probability)
                    .ThenBy(i => i.FullPath, StringComparer.Ordinal)
                    .Select((image, place) => (Image: image, Place: place, Size: cell.Count()))
            )
            .OrderBy(x => x.Place)
            .ThenByDescending(x => x.Size)
            .ThenBy(x => x.Image.FullPath, StringComparer.Ordinal)
            .Select(x => x.Image);
}
