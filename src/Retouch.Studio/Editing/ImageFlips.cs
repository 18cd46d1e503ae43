using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>The images that two models give different classes, by whether that is for the better. Immutable.</summary>
/// <param name="Mended">Images that are right under the second alone.</param>
/// <param name="Broken">Images that are right under the first alone.</param>
/// <param name="Otherwise">Images of which nobody knows that either is better.</param>
/// <param name="Ordinary">Ordinary images, by their numbers among those.</param>
/// <param name="OrdinaryImages">The number of ordinary images.</param>
public record ImageFlips(
    IReadOnlyList<ImageChange> Mended,
    IReadOnlyList<ImageChange> Broken,
    IReadOnlyList<ImageChange> Otherwise,
    IReadOnlyList<ImageChange> Ordinary,
    int OrdinaryImages
)
{
    /// <summary>The number of images that were asked about beside the ordinary ones.</summary>
    public int Images { get; init; }

    /// <summary>LR: of the ordinary images, how many keep their class; null where there are none.</summary>
    public double? Locality => OrdinaryImages == 0 ? null : 1 - (double)Ordinary.Count / OrdinaryImages;

    /// <summary>Compares two models on all images that are read.</summary>
    /// <param name="world">The images.</param>
    /// <param name="before">What the first says of some.</param>
    /// <param name="after">What the second says.</param>
    /// <param name="seen">Told of every image; whether it counts.</param>
    /// <param name="cancellation">Stops between images.</param>
    internal static ImageFlips Between(
        StudioWorld world,
        Func<LiveImages, IReadOnlyList<LiveAnswer>> before,
        Func<LiveImages, IReadOnlyList<LiveAnswer>> after,
        Func<StudioImage, ImageChange, bool> seen,
        CancellationToken cancellation
    )
    {
        List<ImageChange> mended = [];
        List<ImageChange> broken = [];
        List<ImageChange> otherwise = [];
        int asked = 0;
        foreach ((LiveImages images, int[] ids) in world.Chunks)
        {
            cancellation.ThrowIfCancellationRequested();
            (IReadOnlyList<LiveAnswer> was, IReadOnlyList<LiveAnswer> now) = (before(images), after(images));
            asked += ids.Length;
            for (int i = 0; i < ids.Length; i++)
            {
                StudioImage image = world.Images[ids[i]];
                ImageChange change = new(image.Id, was[i], now[i]);
                if (!seen(image, change) || was[i].Class == now[i].Class)
                    continue;
                List<ImageChange> kind = (image.IsRightAs(was[i]), image.IsRightAs(now[i])) switch
                {
                    (true, false) => broken,
                    (false, true) => mended,
                    _ => otherwise,
                };
                kind.Add(change);
            }
        }
        List<ImageChange> ordinary = [];
        if (world.Locality is LiveImages locality)
        {
            (IReadOnlyList<LiveAnswer> was, IReadOnlyList<LiveAnswer> now) = (before(locality), after(locality));
            ordinary.AddRange(
                Enumerable
                    .Range(0, locality.Count)
                    .Where(i => was[i].Class != now[i].Class)
                    .Select(i => new ImageChange(i, was[i], now[i]))
            );
        }
        return new ImageFlips(mended, broken, otherwise, ordinary, world.Locality?.Count ?? 0) { Images = asked };
    }
}
