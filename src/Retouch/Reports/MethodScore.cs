using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>
/// A method's line in a report: how it compares at matched locality, over all settings that were tried. Immutable.
/// </summary>
public sealed record MethodScore
{
    /// <summary>The subset, or null for all together.</summary>
    public required string? Subset { get; init; }

    /// <summary>The method, masked fine-tuning with its locator.</summary>
    public required string Method { get; init; }

    /// <summary>The number of settings that were tried.</summary>
    public required int Settings { get; init; }

    /// <summary>The number of edits under each setting, the least where they differ.</summary>
    public required int Edits { get; init; }

    /// <summary>The best setting at each level of LR.</summary>
    public required IReadOnlyList<LocalityMatch> Matches { get; init; }

    /// <summary>
    /// The area that the settings dominate between the reference point (GR 0, LR
    /// <see cref="ReportOptions.ReferenceLocality"/>) and the perfect method, as a share of that rectangle, in [0,1].
    /// </summary>
    public required Estimate Hypervolume { get; init; }

    /// <summary>
    /// The setting whose cost follows: the match at the middle level, or the most local one where none reaches it.
    /// </summary>
    public required string CostSetting { get; init; }

    /// <summary>The median number of its optimization steps.</summary>
    public required double Steps { get; init; }

    /// <summary>The median of its seconds an edit.</summary>
    public required double Seconds { get; init; }

    /// <summary>The median number of units that it touches; 0 of a method that changes whole tensors.</summary>
    public required double Units { get; init; }

    /// <summary>The median number of numbers that it changes.</summary>
    public required double Parameters { get; init; }
}
