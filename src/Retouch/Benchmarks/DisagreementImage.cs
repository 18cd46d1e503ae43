namespace Retouch.Benchmarks;

/// <summary>An image on which two models disagree.</summary>
/// <param name="Image">The image by path and hash.</param>
/// <param name="FullPath">Where it is.</param>
/// <param name="StrongerProbability">The probability of the stronger model's class under that model, in [0,1].</param>
/// <param name="Probability">The probability of the model's class under the model, in [0,1].</param>
public sealed record DisagreementImage(
    BenchmarkImage Image,
    string FullPath,
    double StrongerProbability,
    double Probability
);
