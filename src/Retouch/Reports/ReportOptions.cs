namespace Retouch.Reports;

/// <summary>What a report compares by. Immutable.</summary>
public sealed record ReportOptions
{
    /// <summary>
    /// The LR, in [0,1], at which methods are compared: of each the setting of most GR whose LR is at least that. From
    /// strict to lenient.
    /// </summary>
    public IReadOnlyList<double> LocalityLevels { get; init; } = [0.99, 0.98, 0.97];

    /// <summary>
    /// The LR, in [0,1), below which a point counts for nothing in the hypervolume; the GR of its reference point is 0.
    /// </summary>
    public double ReferenceLocality { get; init; } = 0.9;

    /// <summary>The least LR, in [0,1), that zoomed figures show.</summary>
    public double ZoomLocality { get; init; } = 0.95;

    /// <summary>Draws of the confidence intervals.</summary>
    public int Resamples { get; init; } = 2000;

    /// <summary>Their seed.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every option's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        if (LocalityLevels.Count == 0 || LocalityLevels.Any(l => l is not (>= 0 and <= 1)))
            throw BadInput.OutOfRange(
                null,
                $"The levels of LR are {string.Join(", ", LocalityLevels)}; at least one from 0 to 1 is needed."
            );
        if (ReferenceLocality is not (>= 0 and < 1))
            throw BadInput.OutOfRange(
                null,
                $"The reference LR is {ReferenceLocality}; it must be from 0 to less than 1."
            );
        if (ZoomLocality is not (>= 0 and < 1))
            throw BadInput.OutOfRange(
                null,
                $"The least LR of zoomed figures is {ZoomLocality}; it must be from 0 to less than 1."
            );
        if (Resamples < 1)
            throw BadInput.OutOfRange(null, $"The number of resamples is {Resamples}; it must be at least 1.");
    }
}
