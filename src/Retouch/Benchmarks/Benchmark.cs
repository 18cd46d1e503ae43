using Retouch.Measurement;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// Groups of one model's failures, and images that edits should leave alone, by path and hash. Immutable.
/// </summary>
public sealed record Benchmark
{
    /// <summary>The fingerprint of the model whose failures these are.</summary>
    public required string ModelFingerprint { get; init; }

    /// <summary>The groups; none where the model gets every image right.</summary>
    public required IReadOnlyList<FailureGroup> Groups { get; init; }

    /// <summary>The locality set; may be empty.</summary>
    public IReadOnlyList<LocalityImage> Locality { get; init; } = [];

    /// <summary>A locality image is sensitive where its margin is below this, in [0,1].</summary>
    public double SensitiveMargin { get; init; } = MiningSettings.PublishedMargin;

    /// <summary>
    /// The places in <see cref="Locality"/> of the sensitive images: those that a small change of the weights may tip
    /// over.
    /// </summary>
    public IReadOnlyList<int> Sensitive =>
        [.. Enumerable.Range(0, Locality.Count).Where(i => Locality[i].Margin < SensitiveMargin)];

    /// <summary>
    /// The places in <see cref="Locality"/> of the images that are none of some groups', by their bytes, whatever they
    /// are called: what edits of these groups should leave alone.
    /// </summary>
    /// <param name="groups">The groups' places.</param>
    public IReadOnlyList<int> Unrelated(IEnumerable<int> groups)
    {
        HashSet<string> own = Hashes(groups);
        return [.. Enumerable.Range(0, Locality.Count).Where(i => !own.Contains(Locality[i].Sha256))];
    }

    /// <summary>The hashes of some groups' images.</summary>
    internal HashSet<string> Hashes(IEnumerable<int> groups) =>
        [.. groups.SelectMany(g => Groups[g].Images).Select(i => i.Sha256)];

    /// <summary>Checks that the benchmark belongs to a model.</summary>
    /// <exception cref="BadInputException">
    /// It was mined with another model, or names classes that this one lacks.
    /// </exception>
    public void RequireModel(VitModel model)
    {
        if (model.Fingerprint != ModelFingerprint)
            throw BadInput.Mismatch(
                ModelFingerprint,
                $"The benchmark holds the failures of the model {ModelFingerprint}, but this model is "
                    + $"{model.Fingerprint}.",
                Remedy.Make(Artifact.Benchmark)
            );
        int classes = model.Config.Classes;
        if (Groups.FirstOrDefault(g => g.Wrong >= classes || g.Accepted.Any(c => c >= classes)) is { } group)
            throw BadInput.Damaged(
                null,
                $"The benchmark's group {group.Name} names a class that the model, which has {classes}, lacks; the "
                    + "file is damaged."
            );
    }
}
