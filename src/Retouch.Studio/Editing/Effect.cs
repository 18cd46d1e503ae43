using Retouch.Studio.World;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>
/// What a change of the model does to all images that are known; those that it is for are counted apart. Immutable.
/// </summary>
public sealed record Effect : ImageFlips
{
    Effect(ImageFlips flips)
        : base(flips) { }

    /// <summary>What the edited model says of the images that it is for.</summary>
    public required IReadOnlyList<ImageChange> Own { get; init; }

    /// <summary>Wrong images of the classes that it is for, without those that it is for.</summary>
    public required int Alike { get; init; }

    /// <summary>How many of those it makes right.</summary>
    public required int AlikeMended { get; init; }

    /// <summary>Right images, of those whose class is known.</summary>
    public required int Right { get; init; }

    /// <summary>GR: the share of the wrong images of the same class that it makes right; null without any.</summary>
    public double? Generalization => Alike == 0 ? null : (double)AlikeMended / Alike;

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
        List<ImageChange> ownNow = [];
        int alike = 0;
        int alikeMended = 0;
        int right = 0;
        ImageFlips flips = Between(world, i => i.Answers, i => live.Answers(i, change), Count, cancellation);
        return new Effect(flips)
        {
            Own = ownNow,
            Alike = alike,
            AlikeMended = alikeMended,
            Right = right,
        };

        bool Count(StudioImage image, ImageChange changed)
        {
            if (own.Contains(image.Id))
            {
                ownNow.Add(changed);
                return false;
            }
            bool wasRight = image.IsRightAs(changed.Before);
            right += wasRight ? 1 : 0;
            if (!wasRight && image.Accepted?.Any(labels.Contains) == true)
            {
                alike++;
                alikeMended += image.IsRightAs(changed.After) ? 1 : 0;
            }
            return true;
        }
    }
}
