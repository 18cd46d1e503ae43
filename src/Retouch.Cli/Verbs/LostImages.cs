using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary>Names the images that earlier patches corrected and that are wrong now.</summary>
static class LostImages
{
    /// <summary>A line for each, some twenty at most.</summary>
    /// <param name="images">All images that earlier patches corrected.</param>
    /// <param name="labels">The classes' names.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<RememberedImage> images, LabelSet labels) =>
        LongList.Lines(
            [.. images.Where(i => !i.RightAfter)],
            image =>
                $"lost: {image.Name}, which {image.Patch} corrected to {labels[image.Label].Name}"
                + (image.RightBefore ? "" : ", was wrong again before"),
            more => $"{more}, which --json names"
        );
}
