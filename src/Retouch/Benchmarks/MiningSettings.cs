using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>What <see cref="Mining"/> keeps. Immutable.</summary>
public sealed record MiningSettings
{
    /// <summary>The paper's margin below which a prediction counts as sensitive.</summary>
    public const double PublishedMargin = 0.05;

    /// <summary>
    /// The fewest images of a group. One that is alone has no other to generalize to; edits of all groups together and
    /// sequences take it all the same.
    /// </summary>
    public const int FewestImages = 1;

    /// <summary>
    /// Groups of fewer images are left out, at least 1. The default, 5, gives a GR in steps of a quarter or
    /// finer: with fewer others one image decides.
    /// </summary>
    public int MinImages { get; init; } = 5;

    /// <summary>
    /// A locality image is sensitive where the difference of its two largest probabilities is below this, in [0,1].
    /// </summary>
    public double Margin { get; init; } = PublishedMargin;

    /// <summary>
    /// What models said of images: what is in it is not asked again, and answers are added. Not owned; null for none.
    /// </summary>
    public AnswerIndex? Index { get; init; }

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        if (MinImages < FewestImages)
            throw BadInput.OutOfRange(
                null,
                $"The least number of images of a group is {MinImages}; it must be at least {FewestImages}."
            );
        if (!(Margin is >= 0 and <= 1))
            throw BadInput.OutOfRange(null, $"The margin is {Margin}; it must be at least 0 and at most 1.");
    }
}
