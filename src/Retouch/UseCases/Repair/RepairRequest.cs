using Retouch.Data;
using Retouch.Editing;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>Which mistakes are to be corrected together and how, as a user says it. Immutable.</summary>
public sealed record RepairRequest
{
    /// <summary>
    /// Folders of labelled images, read as mining reads them, and lists of images and classes: those that the model
    /// gets wrong are to be corrected, those that it gets right are to stay so.
    /// </summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>
    /// A benchmark, whose groups are the failing images; they lie below <see cref="Images"/>. Null to ask the model
    /// which of those it gets wrong.
    /// </summary>
    public string? Benchmark { get; init; }

    /// <summary>More folders and lists of labelled images of the same kind; none for none.</summary>
    public IReadOnlyList<string> Near { get; init; } = [];

    /// <summary>The folders from which the paths of lists go on; none for each list's own.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>A file that says what folders' names mean; null for what they are.</summary>
    public string? Accepted { get; init; }

    /// <summary>
    /// Ordinary images, on which is measured what else changed; where nothing was prepared for the model, it is learned
    /// from half of them. Null for none.
    /// </summary>
    public ImageFolder? Locality { get; init; }

    /// <summary>
    /// Patches of the model that the new one is made on top of and applied together with: what they corrected is kept
    /// right. None for the model as it is.
    /// </summary>
    public IReadOnlyList<string> On { get; init; } = [];

    /// <summary>A file of the classes' names; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }

    /// <summary>How to repair.</summary>
    public RepairSettings Settings { get; init; } = new();

    /// <summary>What was prepared for the model.</summary>
    public TrainedFiles Files { get; init; } = new();

    /// <summary>
    /// The share of the failing images of each group, and of the right ones, in [0,1), that is kept out of the repair
    /// and measured.
    /// </summary>
    public double Holdout { get; init; } = 0.2;

    /// <summary>
    /// The share of the locality images that must stay as they are, in (0,1]; null for no such bound.
    /// </summary>
    public double? Guard { get; init; }

    /// <summary>
    /// The share of the right near images kept out that must stay right, in (0,1]; null for no such bound.
    /// </summary>
    public double? GuardNear { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>The patch to write; null to write none.</summary>
    public string? Output { get; init; }

    /// <summary>Whether an existing patch may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Checks what can be checked before anything is read.</summary>
    /// <exception cref="BadInputException">Something is out of range, or contradicts something else.</exception>
    public void Validate()
    {
        Settings.Validate();
        if (!(Holdout is >= 0 and < 1))
            throw BadInput.OutOfRange(null, $"The share that is held out is {Holdout}; it must be from 0 to below 1.");
        if (Guard is not null && Locality is null)
            throw BadInput.Missing(
                null,
                "A guard is measured on ordinary images, of which there are none.",
                Remedy.Option(Parameter.Locality)
            );
        if (Guard is not null || GuardNear is not null)
            new GuardBounds(Guard, GuardNear).Validate();
        if (GuardNear is not null && Holdout == 0)
            throw BadInput.Mismatch(
                null,
                "A guard over near images is measured on those that the repair did not see, but none are held out."
            );
    }
}
