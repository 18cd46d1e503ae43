using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>What a check's page shows. Immutable.</summary>
sealed record CheckPageContent
{
    /// <summary>The model in a word or two, such as its file's name.</summary>
    public required string Model { get; init; }

    /// <summary>The model that it is compared with, likewise; null where there is none.</summary>
    public required string? Before { get; init; }

    /// <summary>What the models make of the images.</summary>
    public required CheckSummary Summary { get; init; }

    /// <summary>What the classes of all images are called.</summary>
    public required IReadOnlyDictionary<int, string> ClassNames { get; init; }

    /// <summary>How many predictions changed elsewhere; null where that was not asked.</summary>
    public required ChangeCount? Locality { get; init; }

    /// <summary>The criteria; may be none.</summary>
    public required IReadOnlyList<CriterionResult> Criteria { get; init; }

    /// <summary>How many images were left out.</summary>
    public required int Skipped { get; init; }

    /// <summary>The names of the classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>Which way up pictures are: as the model sees them.</summary>
    public required ImageOrientation Orientation { get; init; }

    /// <summary>How many mistakes are shown with their picture at most.</summary>
    public required int Thumbnails { get; init; }

    /// <summary>Facts for the end of the page, by name.</summary>
    public required IReadOnlyList<(string Name, string Value)> Facts { get; init; }
}
