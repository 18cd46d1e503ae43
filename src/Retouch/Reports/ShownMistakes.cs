using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>Chooses the mistakes that a page has room for.</summary>
static class ShownMistakes
{
    /// <summary>
    /// Some of the mistakes: those that were right before first, then of each cell of the confusion table in turn the
    /// one of which the model is surest, so that no cell is without a picture while another has many.
    /// </summary>
    /// <param name="summary">What was measured.</param>
    /// <param name="count">How many, at most.</param>
    public static IReadOnlyList<CheckedImage> Of(CheckSummary summary, int count)
    {
        CheckedImage[] wrong = [.. summary.Images.Where(i => !i.IsRight)];
        if (wrong.Length > count)
            wrong =
            [
                .. wrong
                    .GroupBy(i => (i.Label, i.After.Class))
                    .SelectMany(cell =>
                        cell.OrderByDescending(i => i.Flip == FlipKind.Broken)
                            .ThenByDescending(i => i.After.Probability)
                            .Select((image, place) => (Image: image, Place: place, Size: cell.Count()))
                    )
                    .OrderByDescending(x => x.Image.Flip == FlipKind.Broken)
                    .ThenBy(x => x.Place)
                    .ThenByDescending(x => x.Size)
                    .Take(count)
                    .Select(x => x.Image),
            ];
        return
        [
            .. wrong
                .OrderBy(i => i.Flip switch { FlipKind.Broken => 0, FlipKind.Otherwise => 1, _ => 2 })
                .ThenByDescending(i => i.After.Probability)
                .ThenBy(i => i.FullPath, StringComparer.Ordinal),
        ];
    }
}
