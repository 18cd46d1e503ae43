namespace Retouch.Measurement;

/// <summary>What a model says of an image.</summary>
/// <param name="Class">The most probable class.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Margin">The difference of the two largest probabilities, in [0,1].</param>
public readonly record struct ModelAnswer(int Class, double Probability, double Margin);
