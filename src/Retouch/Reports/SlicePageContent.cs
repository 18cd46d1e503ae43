using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Reports;

/// <summary>What a page of slices shows. Immutable.</summary>
sealed record SlicePageContent
{
    /// <summary>The model in a word or two, such as its file's name.</summary>
    public required string Model { get; init; }

    /// <summary>The stronger model, likewise; null where there is none.</summary>
    public required string? Stronger { get; init; }

    /// <summary>The names of the classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>Which way up pictures are: as the model sees them.</summary>
    public required ImageOrientation Orientation { get; init; }

    /// <summary>How many images were asked about.</summary>
    public required int Images { get; init; }

    /// <summary>Of how many the model is unsure, or a stronger one says otherwise.</summary>
    public required int Unsure { get; init; }

    /// <summary>How many of those are probably mistakes.</summary>
    public required double Expected { get; init; }

    /// <summary>The slices, in their order.</summary>
    public required IReadOnlyList<ShownSlice> Slices { get; init; }

    /// <summary>Facts for the end of the page, by name.</summary>
    public required IReadOnlyList<(string Name, string Value)> Facts { get; init; }
}
