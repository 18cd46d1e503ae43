using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>
/// A locator's masks against random ones under otherwise equal settings, edit by edit: the mean differences,
/// with intervals from a bootstrap over groups. Immutable.
/// </summary>
public sealed record PairedDifference
{
    /// <summary>The subset.</summary>
    public required string Subset { get; init; }

    /// <summary>The method whose rows are compared with those of random masks.</summary>
    public required string Method { get; init; }

    /// <summary>The share of units in a mask.</summary>
    public required string Keep { get; init; }

    /// <summary>The other settings in a line.</summary>
    public required string Others { get; init; }

    /// <summary>The number of pairs: edits on one image.</summary>
    public required int Pairs { get; init; }

    /// <summary>GR less that of random masks.</summary>
    public required Estimate Generalization { get; init; }

    /// <summary>LR less that of random masks, or null if it was not measured.</summary>
    public required Estimate? Locality { get; init; }
}
