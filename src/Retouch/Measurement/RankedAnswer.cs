using System.Text.Json.Serialization;

namespace Retouch.Measurement;

/// <summary>What a model says of an image, with the classes that it finds likeliest. Immutable.</summary>
/// <param name="Top">
/// The likeliest classes, likeliest first: <see cref="Length"/> of them, or all where there are fewer.
/// </param>
/// <param name="Probability">The probability of the first, in [0,1].</param>
public sealed record RankedAnswer(IReadOnlyList<int> Top, double Probability)
{
    /// <summary>How many classes an answer has: as many as top-5 accuracy looks at.</summary>
    public const int Length = 5;

    /// <summary>The likeliest class.</summary>
    [JsonIgnore]
    public int Class => Top[0];

    /// <summary>Whether a class that counts as right is among <see cref="Top"/>.</summary>
    /// <param name="accepted">The classes that count as right.</param>
    public bool Names(IReadOnlyList<int> accepted) => Top.Any(accepted.Contains);
}
