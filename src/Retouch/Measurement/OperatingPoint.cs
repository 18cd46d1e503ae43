namespace Retouch.Measurement;

/// <summary>Where a method under fixed settings stands between its two aims; larger is better in both.</summary>
/// <param name="Generalization">Mean GR, in [0,1].</param>
/// <param name="Locality">Mean LR, in [0,1].</param>
public readonly record struct OperatingPoint(double Generalization, double Locality)
{
    /// <summary>Whether this point is at least as good in both and better in one.</summary>
    public bool Dominates(OperatingPoint other) =>
        Generalization >= other.Generalization
        && Locality >= other.Locality
        && (Generalization > other.Generalization || Locality > other.Locality);
}
