using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>How much a run edits, and how. Immutable.</summary>
public sealed record BenchOptions
{
    const int MostSamples = 64;
    const double UsualHoldout = 0.5;

    /// <summary>What edits are made on.</summary>
    public BenchMode Mode { get; init; }

    /// <summary>
    /// The numbers of edit samples to try, of single edits; groups that would have no other image left are left out.
    /// </summary>
    public IReadOnlyList<int> Samples { get; init; } = [1];

    /// <summary>The most edits in a sequence, or null for all.</summary>
    public int? Sequence { get; init; }

    /// <summary>
    /// The steps of a sequence, from 1, after which everything is measured; its last step always is. Null for all of
    /// them. At the others only the edited image itself is asked about.
    /// </summary>
    public IReadOnlyList<int>? MeasureAt { get; init; }

    /// <summary>
    /// How many edits of a sequence, drawn by the seed, are taken back at its end, each alone, to see whether the
    /// others stand without it.
    /// </summary>
    public int Forget { get; init; }

    /// <summary>
    /// The share of every group, in [0,1), that an edit of all groups together does not see but is measured on, and as
    /// large a share of the right near images of every folder.
    /// </summary>
    public double Holdout { get; init; } = UsualHoldout;

    /// <summary>
    /// Whether right near images that are not held out are trained along in an edit of all groups together, as if they
    /// were to be corrected, by methods that do not keep them right in a way of their own.
    /// </summary>
    public bool Along { get; init; }

    /// <summary>
    /// The most edits per group (in batch mode images that a group's edit sees), spread evenly over its images, or null
    /// for all of its images.
    /// </summary>
    public int? MaxEditsPerGroup { get; init; }

    /// <summary>
    /// Edits that run as one batch, at least 1. A part of the run's identity: sums of another order round otherwise.
    /// </summary>
    public int Batch { get; init; } = 12;

    /// <summary>
    /// In what products with frozen weights are computed. Mixed is a part of the run's identity; the others have the
    /// same rows.
    /// </summary>
    public Precision Precision { get; init; }

    /// <summary>Which way up images are taken. A part of the run's identity: the model sees others.</summary>
    public ImageOrientation Orientation { get; init; }

    /// <summary>
    /// Labelled images of the same kind as the groups', on which the harm of each edit is counted; null for none. A
    /// part of the run's identity where there are some.
    /// </summary>
    public NearImages? Near { get; init; }

    /// <summary>
    /// Images among which those are sought that the unedited model is unsure of, on which each edit is measured, too;
    /// null for none. A part of the run's identity where there are some.
    /// </summary>
    public SensitiveCandidates? Sensitive { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every option's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        if (!Enum.IsDefined(Mode))
            throw BadInput.Missing(null, $"There is no mode {Mode}.");
        if (
            Samples.Count == 0
            || Samples.Any(k => k is < 1 or > MostSamples)
            || Samples.Distinct().Count() < Samples.Count
        )
            throw BadInput.OutOfRange(
                null,
                $"The numbers of editing images are {string.Join(", ", Samples)}; they must be from 1 to "
                    + $"{MostSamples}, each once."
            );
        if (Mode != BenchMode.Single && Samples is not [1])
        {
            throw BadInput.Mismatch(
                nameof(Samples),
                Mode == BenchMode.Batch
                        ? "In batch mode an edit sees a whole group, so that several numbers of editing images are for "
                            + "single edits only."
                    : Mode == BenchMode.Folder
                        ? "An edit of all groups together sees all images that are not held out, so that several "
                            + "numbers of editing images are for single edits only."
                    : "In a sequence every edit has one image; several editing images are for single edits only.",
                Mode == BenchMode.Batch ? Remedy.Option(Parameter.EditsPerGroup) : null
            );
        }
        if (!(Holdout is >= 0 and < 1))
            throw BadInput.OutOfRange(
                null,
                $"The share that is held out is {Holdout}; it must be at least 0 and below 1."
            );
        if ((Holdout != UsualHoldout || Along) && Mode != BenchMode.Folder)
            throw BadInput.OutOfRange(
                null,
                "What is held out, and whether right images are trained along, is for edits of all groups together "
                    + "only."
            );
        if (Sequence is not null && Mode != BenchMode.Sequential)
            throw BadInput.OutOfRange(null, "The length of a sequence is for sequential edits only.");
        if (Sequence < 1)
            throw BadInput.OutOfRange(null, $"The length of a sequence is {Sequence}; it must be at least 1.");
        if ((MeasureAt is not null || Forget != 0) && Mode != BenchMode.Sequential)
            throw BadInput.OutOfRange(
                null,
                "Where a sequence is measured, and what of it is taken back, is for sequential edits only."
            );
        if (MeasureAt is not null && (MeasureAt.Count == 0 || MeasureAt.Any(step => step < 1)))
            throw BadInput.OutOfRange(
                null,
                $"A sequence is to be measured after the edits {string.Join(", ", MeasureAt)}; they are counted from 1."
            );
        if (Forget < 0)
            throw BadInput.OutOfRange(null, $"{Forget} edits are to be taken back; it must be at least 0.");
        if (MaxEditsPerGroup < 1)
            throw BadInput.OutOfRange(
                null,
                $"The number of edits a group is {MaxEditsPerGroup}; it must be at least 1."
            );
        if (Batch is < 1 or > 1024)
            throw BadInput.OutOfRange(null, $"The number of edits a batch is {Batch}; it must be from 1 to 1024.");
    }
}
