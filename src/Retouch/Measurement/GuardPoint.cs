using System.Text.Json.Serialization;

namespace Retouch.Measurement;

/// <summary>One edit that a <see cref="GuardedEdit"/> tried. Immutable.</summary>
/// <param name="Setting">The setting that was turned: larger for more general edits.</param>
/// <param name="Success">Whether the editing images are right.</param>
/// <param name="Locality">The locality rate, in [0,1]; null where there are no locality images.</param>
/// <param name="Steps">Optimization steps.</param>
public sealed record GuardPoint(double Setting, bool Success, double? Locality, int Steps)
{
    /// <summary>What it turned right and what it broke among near images; null where there are none.</summary>
    [JsonIgnore]
    public Flips? Near { get; init; }
}
