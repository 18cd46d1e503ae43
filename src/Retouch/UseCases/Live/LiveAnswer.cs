namespace Retouch.UseCases;

/// <summary>What a model says of an image. Immutable.</summary>
/// <param name="Class">The likeliest class.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Second">The next one.</param>
/// <param name="Margin">By how much the first is likelier than the second, in [0,1].</param>
public readonly record struct LiveAnswer(int Class, float Probability, int Second, float Margin);
