using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>
/// What a few edits of each method do to labelled images, clean and corrupted: the file <c>side-effects.json</c> of a
/// run. Immutable.
/// </summary>
public sealed record SideEffects
{
    /// <summary>The run that the settings are of, <see cref="BenchManifest.Run"/>.</summary>
    public required string Run { get; init; }

    /// <summary>Which images were asked about, <see cref="NearImages.Digest"/>.</summary>
    public required string Images { get; init; }

    /// <summary>The number of images.</summary>
    public required int Count { get; init; }

    /// <summary>The seed of what is random in corruptions.</summary>
    public required int Seed { get; init; }

    /// <summary>The edits, method by method.</summary>
    public required IReadOnlyList<SideEffectEdit> Edits { get; init; }

    /// <summary>The corruptions that are measured so far, in the order of <see cref="Corruption.All"/>.</summary>
    public IReadOnlyList<SideEffectMeasurement> Measured { get; init; } = [];

    /// <summary>Whether every corruption is measured.</summary>
    internal bool IsWhole => Measured.Count == Corruption.All.Count;

    /// <summary>Whether other side effects are of the same edits and images.</summary>
    internal bool AreOfTheSame(SideEffects other) =>
        Run == other.Run
        && Images == other.Images
        && Seed == other.Seed
        && Edits
            .Select(e => (e.Setting, e.Group, e.Image))
            .SequenceEqual(other.Edits.Select(e => (e.Setting, e.Group, e.Image)));

    /// <summary>What is wrong with side effects that were read, or null if nothing is.</summary>
    internal string? Defect() =>
        Count < 1 || Edits.Count == 0 ? "it has no images or no edits"
        : Edits.Any(e => e is null || e.Settings.Values.Contains(null)) ? "an edit or a setting is null"
        : Measured.Contains(null)
        || !Measured.Select(m => m.Corruption).SequenceEqual(Corruption.All.Take(Measured.Count))
            ? "its corruptions are not the first of those that are measured"
        : Measured.Any(m => m.Edited.Count != Edits.Count || m.Edited.Contains(null))
            ? "a corruption is not measured for each edit"
        : Measured.Any(m => m.Edited.Append(m.Unedited).Any(f => f.Values.Any(x => !x.ArePossible) || Large(f)))
            ? "its counts of images cannot be"
        : null;

    static bool Large(IReadOnlyDictionary<string, Flips> folders) =>
        folders.Values.Sum(f => (long)f.Images) > int.MaxValue / Corruption.All.Count;
}
