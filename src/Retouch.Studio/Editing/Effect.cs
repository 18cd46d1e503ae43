using Retouch.Studio.World;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>What a change of the model does to all images that are known. Immutable.</summary>
public sealed record Effect
{
    /// <summary>Wrong images that it makes right, but those that it is for.</summary>
    public required IReadOnlyList<ImageChange> Mended { get; init; }

    /// <summary>Right images that it makes wrong.</summary>
    public required IReadOnlyList<ImageChange> Broken { get; init; }

    /// <summary>Images that it gives another class, of which nobody knows that this is better or worse.</summary>
    public required IReadOnlyList<ImageChange> Otherwise { get; init; }

    /// <summary>Ordinary images that it gives another class, by their numbers among those.</summary>
    public required IReadOnlyList<ImageChange> Ordinary { get; init; }

    /// <summary>What the edited model says of the images that it is for.</summary>
    public required IReadOnlyList<ImageChange> Own { get; init; }

    /// <summary>The number of ordinary images.</summary>
    public required int OrdinaryImages { get; init; }

    /// <summary>Wrong images of the classes that it is for, without those that it is for.</summary>
    public required int Alike { get; init; }

    /// <summary>How many of those it makes right.</summary>
    public required int AlikeMended { get; init; }

    /// <summary>Right images, of those whose class is known.</summary>
    public required int Right { get; init; }

    /// <summary>GR: the share of the wrong images of the same class that it makes right; null without any.</summary>
    public double? Generalization => Alike == 0 ? null : (double)AlikeMended / Alike;

    /// <summary>LR: of the ordinary images, how many keep their class; null where there are none.</summary>
    public double? Locality => OrdinaryImages == 0 ? null : 1 - (double)Ordinary.Count / OrdinaryImages;

    /// <summary>The negative flip rate: the share of the right images that it makes wrong; null without any.</summary>
    public double? NegativeFlips => Right == 0 ? null : (double)Broken.Count / Right;

    /// <summary>Asks the edited model about all images that are read.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="change">What is changed of the last FFN.</param>
    /// <param name="own">The numbers of the images that the change is for.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="cancellation">Stops between images.</param>
    public static Effect Of(
        StudioWorld world,
        ModelDelta change,
        IReadOnlySet<int> own,
        IReadOnlySet<int> labels,
        CancellationToken cancellation = default
    )
    {
        LiveModel live = world.Live!;
        List<ImageChange> mended = [];
        List<ImageChange> broken = [];
        List<ImageChange> otherwise = [];
        List<ImageChange> ownNow = [];
        int alike = 0;
        int alikeMended = 0;
        int right = 0;
        foreach ((LiveImages images, int[] ids) in world.Chunks)
        {
            cancellation.ThrowIfCancellationRequested();
            IReadOnlyList<LiveAnswer> after = live.Answers(images, change);
            for (int i = 0; i < ids.Length; i++)
            {
                StudioImage image = world.Images[ids[i]];
                ImageChange changed = new(image.Id, images.Answers[i], after[i]);
                if (own.Contains(image.Id))
                {
                    ownNow.Add(changed);
                    continue;
                }
                bool wasRight = image.Accepted?.Contains(changed.Before.Class) == true;
                bool isRight = image.Accepted?.Contains(changed.After.Class) == true;
                right += wasRight ? 1 : 0;
                if (image.Accepted is { } accepted && !wasRight && accepted.Any(labels.Contains))
                {
                    alike++;
                    alikeMended += isRight ? 1 : 0;
                }
                if (changed.Before.Class == changed.After.Class)
                    continue;
                List<ImageChange> kind =
                    wasRight && !isRight ? broken
                    : !wasRight && isRight ? mended
                    : otherwise;
                kind.Add(changed);
            }
        }
        List<ImageChange> ordinary = [];
        if (world.Locality is LiveImages locality)
        {
            IReadOnlyList<LiveAnswer> after = live.Answers(locality, change);
            for (int i = 0; i < locality.Count; i++)
                if (locality.Answers[i].Class != after[i].Class)
                    ordinary.Add(new ImageChange(i, locality.Answers[i], after[i]));
        }
        return new Effect
        {
            Mended = mended,
            Broken = broken,
            Otherwise = otherwise,
            Ordinary = ordinary,
            Own = ownNow,
            OrdinaryImages = world.Locality?.Count ?? 0,
            Alike = alike,
            AlikeMended = alikeMended,
            Right = right,
        };
    }
}
