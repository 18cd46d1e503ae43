using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// The images that a model is unsure of among candidates: the file <c>sensitive.json</c> of a run. Immutable.
/// </summary>
public sealed record SensitiveImages
{
    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>Which candidates were asked about, <see cref="SensitiveCandidates.Digest"/>.</summary>
    public required string Candidates { get; init; }

    /// <summary>Below which margin an image is sensitive, in [0,1].</summary>
    public required double Margin { get; init; }

    /// <summary>The number of candidates that could be decoded.</summary>
    public required int Asked { get; init; }

    /// <summary>The sensitive ones, with their margins, in the candidates' order.</summary>
    public required IReadOnlyList<LocalityImage> Images { get; init; }

    /// <summary>Asks a model about all candidates, a few in memory at a time.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="candidates">The candidates.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>The sensitive images, and why candidates were left out that cannot be decoded.</returns>
    /// <exception cref="BadInputException">No candidate can be decoded, or none is sensitive.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static (SensitiveImages Found, IReadOnlyList<Problem> Skipped) Among(
        SplitVit split,
        Preprocessing preprocessing,
        SensitiveCandidates candidates,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        List<Problem> skipped = [];
        List<LocalityImage> found = [];
        int asked = 0;
        IReadOnlyList<CandidateImage> images = candidates.Images;
        new ModelQuestions(split, preprocessing, skipped, progress, cancellation).Ask(
            [.. images.Select(i => i.FullPath)],
            (i, answer) =>
            {
                asked++;
                if (answer.Margin < candidates.Margin)
                    found.Add(new LocalityImage(images[i].Path, images[i].Sha256, answer.Margin));
            }
        );
        if (asked == 0)
            throw BadInput.Missing(
                null,
                $"None of the {images.Count} images among which sensitive ones are sought can be decoded; the first: "
                    + skipped[0].Message,
                skipped[0].Remedy
            );
        if (found.Count == 0)
            throw BadInput.Missing(
                null,
                $"The model is sure of all {asked} images among which sensitive ones are sought: no two largest "
                    + $"probabilities differ by less than {candidates.Margin}.",
                Remedy.Larger(Parameter.Margin)
            );
        return (
            new SensitiveImages
            {
                Model = split.Model.Fingerprint,
                Candidates = candidates.Digest,
                Margin = candidates.Margin,
                Asked = asked,
                Images = found,
            },
            skipped
        );
    }

    /// <summary>Whether they are what a model would find among candidates.</summary>
    internal bool AreOf(string model, SensitiveCandidates candidates) =>
        Model == model && Candidates == candidates.Digest;

    /// <summary>What is wrong with images that were read, or null if nothing is.</summary>
    internal string? Defect() =>
        !(Margin is >= 0 and <= 1) ? "its margin does not lie in [0,1]"
        : Images.Count == 0 || Asked < Images.Count ? "its numbers of images cannot be"
        : Images.Any(i => i is null || !(i.Margin >= 0 && i.Margin < Margin)) ? "one of its images is not sensitive"
        : Images.DistinctBy(i => i.Sha256).Count() < Images.Count ? "one of its images is there twice"
        : null;
}
