using Retouch.Images;

namespace Retouch.Locating;

/// <summary>A sample of meta-training: an image and what CutMix made of it. Immutable.</summary>
/// <param name="Spoilt">The image with a rectangle of another in it.</param>
/// <param name="Original">The image itself, whose prediction is the target.</param>
/// <param name="Other">The image that the rectangle is from.</param>
/// <param name="Start">The mask logits to start from, uniform in (-1,1), one a unit.</param>
/// <param name="Views">Other views of the two images, each with crops and a rectangle of its own.</param>
sealed record PseudoFailure(
    RgbImage Spoilt,
    RgbImage Original,
    RgbImage Other,
    IReadOnlyList<float> Start,
    IReadOnlyList<(RgbImage Spoilt, RgbImage Original)> Views
);
