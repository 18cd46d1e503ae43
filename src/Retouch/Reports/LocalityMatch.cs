using System.Text.Json.Serialization;
using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>The setting of a method that generalizes most while its mean LR is at least a level. Immutable.</summary>
/// <param name="Level">The level, in [0,1].</param>
/// <param name="Setting">The method and its settings in a line, or null if none reaches the level.</param>
/// <param name="Generalization">Its GR.</param>
/// <param name="Locality">Its LR.</param>
public sealed record LocalityMatch(double Level, string? Setting, Estimate? Generalization, Estimate? Locality)
{
    /// <summary>Its negative flips among near images; null where they were not counted.</summary>
    public Estimate? NegativeFlips { get; init; }

    /// <summary>Its LR over the sensitive images that were mined for the run; null where none were.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Estimate? MinedLocality { get; init; }
}
