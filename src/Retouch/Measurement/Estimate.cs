namespace Retouch.Measurement;

/// <summary>A mean with its bootstrap confidence interval.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Low">The interval's lower end.</param>
/// <param name="High">The interval's upper end.</param>
public readonly record struct Estimate(double Mean, double Low, double High);
