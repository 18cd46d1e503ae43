using System.Text.Json.Serialization;

namespace Retouch.Measurement;

/// <summary>
/// What an edit did to images whose right classes are known: which it turned right, and which of those that were right
/// it broke (negative flips: Yan et al., CVPR 2021). Any class that counts as right is right, so that an image which
/// goes from one such class to another is unchanged.
/// </summary>
/// <param name="Images">The number of images whose right classes are known.</param>
/// <param name="RightBefore">How many of them the unedited model gives a right class.</param>
/// <param name="Fixed">How many were wrong and are right now.</param>
/// <param name="Broken">How many were right and are wrong now.</param>
/// <param name="Otherwise">How many were wrong and have another wrong class now.</param>
[method: JsonConstructor]
public readonly record struct Flips(int Images, int RightBefore, int Fixed, int Broken, int Otherwise)
{
    /// <summary>
    /// The negative flip rate: the share of the images that were right which are wrong now, in [0,1]; null where none
    /// was right. Yan et al. divide by all images, right or wrong, which hides harm where a model is often wrong.
    /// </summary>
    [JsonIgnore]
    public double? NegativeFlipRate => RightBefore == 0 ? null : (double)Broken / RightBefore;

    /// <summary>How many more images are right than before; negative where fewer are.</summary>
    [JsonIgnore]
    public int NetGain => Fixed - Broken;

    /// <summary>How many are as right, or as wrong with the same class, as before.</summary>
    [JsonIgnore]
    public int Unchanged => Images - Fixed - Broken - Otherwise;

    /// <summary>Whether there can be such counts.</summary>
    internal bool ArePossible =>
        Fixed >= 0
        && Broken >= 0
        && Otherwise >= 0
        && Broken <= RightBefore
        && (long)Fixed + Otherwise <= (long)Images - RightBefore;

    /// <summary>Compares predictions with what counts as right.</summary>
    /// <param name="before">The unedited model's class for each image.</param>
    /// <param name="after">The edited model's class for each.</param>
    /// <param name="right">The classes that count as right for each; null where unknown: it does not count.</param>
    /// <exception cref="ArgumentException">The lists are not of one length.</exception>
    public static Flips Of(
        IReadOnlyList<int> before,
        IReadOnlyList<int> after,
        IReadOnlyList<IReadOnlyList<int>?> right
    )
    {
        if (before.Count != after.Count || before.Count != right.Count)
            throw new ArgumentException("There must be as many predictions after as before, and classes for each.");
        Flips sum = default;
        for (int i = 0; i < before.Count; i++)
        {
            if (right[i] is { } classes)
                sum = sum.Plus(OfOne(before[i], after[i], classes));
        }
        return sum;
    }

    /// <summary>The flips of these images and of others.</summary>
    public Flips Plus(Flips other) =>
        new(
            Images + other.Images,
            RightBefore + other.RightBefore,
            Fixed + other.Fixed,
            Broken + other.Broken,
            Otherwise + other.Otherwise
        );

    /// <summary>The flips of several sets of images together.</summary>
    public static Flips Sum(IEnumerable<Flips> parts) => parts.Aggregate(default(Flips), (sum, part) => sum.Plus(part));

    /// <summary>Of one image.</summary>
    internal static Flips OfOne(int before, int after, IReadOnlyList<int> right)
    {
        (bool was, bool now) = (right.Contains(before), right.Contains(after));
        return new Flips(
            1,
            was ? 1 : 0,
            !was && now ? 1 : 0,
            was && !now ? 1 : 0,
            !was && !now && before != after ? 1 : 0
        );
    }
}
