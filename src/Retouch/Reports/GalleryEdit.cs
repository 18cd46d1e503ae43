using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>
/// One edit as a report shows it: the image, what became right with it, what changed elsewhere, and what carried it.
/// Immutable.
/// </summary>
public sealed record GalleryEdit
{
    /// <summary>The group's name.</summary>
    public required string Group { get; init; }

    /// <summary>The method and its settings in a line.</summary>
    public required string Setting { get; init; }

    /// <summary>The edit sample, as the model sees it.</summary>
    public required GalleryPicture Image { get; init; }

    /// <summary>The class that the edit aims at.</summary>
    public required int Label { get; init; }

    /// <summary>The probabilities of <see cref="Label"/> under the unedited and the edited model.</summary>
    public required (double Before, double After) Probability { get; init; }

    /// <summary>Whether the edited model gives the edit sample an accepted class.</summary>
    public required bool Success { get; init; }

    /// <summary>Optimization steps taken.</summary>
    public required int Steps { get; init; }

    /// <summary>How many numbers the edit consists of.</summary>
    public required long Parameters { get; init; }

    /// <summary>The group's other images that became right, those with pictures first.</summary>
    public required IReadOnlyList<GalleryPicture> Fixed { get; init; }

    /// <summary>The group's other images that stayed wrong.</summary>
    public required IReadOnlyList<GalleryPicture> Unfixed { get; init; }

    /// <summary>The locality images whose class changed.</summary>
    public required IReadOnlyList<GalleryPicture> Changed { get; init; }

    /// <summary>The number of locality images.</summary>
    public required int LocalityImages { get; init; }

    /// <summary>
    /// What the edit fixed and what it broke among the near images, without those of its group; null without such
    /// images.
    /// </summary>
    public Flips? Near { get; init; }

    /// <summary>
    /// The image with each patch's contribution over it, the bytes of a JPEG file; null of an edit that changes whole
    /// tensors.
    /// </summary>
    public required ReadOnlyMemory<byte>? Heat { get; init; }

    /// <summary>What carried the edit; null of an edit that changes whole tensors.</summary>
    public required EditContribution? Contribution { get; init; }

    /// <summary>The touched units, matrix by matrix; empty of an edit that changes whole tensors.</summary>
    public required IReadOnlyList<GalleryMatrix> Matrices { get; init; }
}
