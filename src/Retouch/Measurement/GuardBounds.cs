namespace Retouch.Measurement;

/// <summary>What a guarded edit must leave as it is. Immutable.</summary>
/// <param name="Locality">The least locality rate, in (0,1]; null for no bound.</param>
/// <param name="Near">
/// The least share of the near images that were right which still are, in (0,1]: at most 1 less this are negative
/// flips; null for no bound.
/// </param>
public sealed record GuardBounds(double? Locality, double? Near = null)
{
    /// <summary>Whether what earlier patches corrected must stay right.</summary>
    public bool Earlier { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BadInputException">A bound is out of range, or there is none.</exception>
    public void Validate()
    {
        Check(Locality, "guarded locality");
        Check(Near, "guarded share of near images");
        if (Locality is null && Near is null && !Earlier)
            throw BadInput.Missing(null, "A guard needs a bound.", Remedy.Option(Parameter.Guard));

        static void Check(double? bound, string name)
        {
            if (bound is double given && given is not (> 0 and <= 1))
                throw BadInput.OutOfRange(null, $"The {name} is {given}; it must be above 0 and at most 1.");
        }
    }

    /// <summary>Whether an edit keeps to them; what was not measured, it does not keep to.</summary>
    /// <param name="measured">What it changed.</param>
    internal bool AreKept(GuardMeasurement measured) =>
        (!Earlier || measured.Lost == 0)
        && (Locality is null || measured.Locality?.Rate >= Locality)
        && (Near is null || measured.Near is { RightBefore: > 0 } near && KeptShare(near) >= Near);

    // As a quotient of whole numbers, which is rounded as the bound is: 99 of 100 are 0.99.
    static double KeptShare(Flips near) => (double)(near.RightBefore - near.Broken) / near.RightBefore;
}
