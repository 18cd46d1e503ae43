using Retouch.Editing;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What a repair was asked for, what it did and what it did not. Immutable.</summary>
public sealed record RepairReport
{
    /// <summary>The fingerprint of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The names of its classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>The failing images, those held out too.</summary>
    public required IReadOnlyList<RepairedImage> Images { get; init; }

    /// <summary>Labelled images that the model gives a right class.</summary>
    public required int RightBefore { get; init; }

    /// <summary>How many of all labelled images are right now.</summary>
    public required int RightAfter { get; init; }

    /// <summary>What was left out, and why.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>The settings that the repair was made with.</summary>
    public required RepairSettings Settings { get; init; }

    /// <summary>What became of the right labelled images that the repair saw.</summary>
    public required Flips NearSeen { get; init; }

    /// <summary>What became of those that it did not see.</summary>
    public required Flips NearHeldOut { get; init; }

    /// <summary>The images that earlier patches corrected; none where there are no such patches.</summary>
    public IReadOnlyList<RememberedImage> Remembered { get; init; } = [];

    /// <summary>The locality images that were measured; 0 where there are none.</summary>
    public int LocalityImages { get; init; }

    /// <summary>How many of them changed their class.</summary>
    public int LocalityChanged { get; init; }

    /// <summary>How many of them are sensitive: their two likeliest classes differ by less than 0.05.</summary>
    public int SensitiveImages { get; init; }

    /// <summary>How many of those changed their class.</summary>
    public int SensitiveChanged { get; init; }

    /// <summary>What was learned from locality images; null where it was prepared before.</summary>
    public EditStatistics? Statistics { get; init; }

    /// <summary>The places that were tried for the guards; none where there is no guard.</summary>
    public IReadOnlyList<RepairPlace> Tried { get; init; } = [];

    /// <summary>Whether the guards are kept; true where there are none.</summary>
    public bool GuardsKept { get; init; } = true;

    /// <summary>Hidden units that several images share.</summary>
    public int SharedUnits { get; init; }

    /// <summary>Hidden units of one image each.</summary>
    public int OwnUnits { get; init; }

    /// <summary>How many of all of them the model did not have.</summary>
    public int AddedUnits { get; init; }

    /// <summary>Whether hidden units can be added to this model.</summary>
    public bool CanWiden { get; init; } = true;

    /// <summary>Whether the mistakes teach something about each other; null where it was not asked.</summary>
    public RepairTrial? Trial { get; init; }

    /// <summary>The patch that was written; null for none.</summary>
    public string? Patch { get; init; }

    /// <summary>Seconds that the repair took, without reading images.</summary>
    public double Seconds { get; init; }

    /// <summary>Seconds that all of it took.</summary>
    public double TotalSeconds { get; init; }

    /// <summary>The images that were to be corrected.</summary>
    public int ToCorrect => Images.Count(i => !i.HeldOut);

    /// <summary>How many of them are right now.</summary>
    public int Corrected => Images.Count(i => i is { HeldOut: false, Right: true });

    /// <summary>The failing images that were held out.</summary>
    public int HeldOut => Images.Count(i => i.HeldOut);

    /// <summary>How many of them are right now: generalization.</summary>
    public int HeldOutCorrected => Images.Count(i => i is { HeldOut: true, Right: true });

    /// <summary>The share of all labelled images that were right before, in [0,1].</summary>
    public double AccuracyBefore => (double)RightBefore / (RightBefore + Images.Count);

    /// <summary>The share of all labelled images that are right now, in [0,1].</summary>
    public double AccuracyAfter => (double)RightAfter / (RightBefore + Images.Count);
}
