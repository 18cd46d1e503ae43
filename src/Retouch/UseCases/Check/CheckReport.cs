using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What a check found. Immutable.</summary>
public sealed record CheckReport
{
    /// <summary>The fingerprint of the model, with its patches.</summary>
    public required string Model { get; init; }

    /// <summary>The fingerprint of the model that it is compared with; null where there is none.</summary>
    public required string? Before { get; init; }

    /// <summary>The names of the model's classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>What the models make of the images.</summary>
    public required CheckSummary Summary { get; init; }

    /// <summary>What the classes of the images are called, of those of criteria, too.</summary>
    public required IReadOnlyDictionary<int, string> ClassNames { get; init; }

    /// <summary>How many predictions changed on the locality images; null where there are none.</summary>
    public required ChangeCount? Locality { get; init; }

    /// <summary>Which criteria hold, in a fixed order.</summary>
    public required IReadOnlyList<CriterionResult> Criteria { get; init; }

    /// <summary>Why images and folders were left out.</summary>
    public required IReadOnlyList<Problem> Skipped { get; init; }

    /// <summary>How many of the images cannot be decoded; they do not count.</summary>
    public required int Undecoded { get; init; }

    /// <summary>How many mistakes the page shows with their picture; null where no page was written.</summary>
    public int? Pictured { get; init; }

    /// <summary>Whether every criterion holds.</summary>
    public bool Passed => Criteria.All(c => c.Holds);
}
