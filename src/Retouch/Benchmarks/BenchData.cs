using Retouch.Data;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>
/// A benchmark's images as their prefix, loaded once for all edits of a run: 2·T·D floats an image, 300 KB
/// for ViT-Ti/16 and 1.2 MB for ViT-B/16, in memory as far as a budget goes, the rest in a temporary file.
/// Owns the prefixes.
/// </summary>
public sealed class BenchData : IDisposable
{
    const int Chunk = 16;

    readonly PrefixStore _groups;
    readonly IReadOnlyList<int> _places;
    readonly bool _isPart;

    BenchData(
        PrefixStore groups,
        IReadOnlyList<int> places,
        IReadOnlyList<IReadOnlyList<PatchImage>> images,
        LocalitySet? locality,
        NearSet? near,
        SensitiveSet? sensitive,
        bool isPart = false
    )
    {
        (_groups, _places, _isPart) = (groups, places, isPart);
        (Images, Locality, Near, Sensitive) = (images, locality, near, sensitive);
    }

    /// <summary>The prefix of a group's images; the caller disposes it.</summary>
    /// <param name="group">Its place.</param>
    public PrefixState Group(int group) => _groups.Open(_places[group]);

    /// <summary>The prefix of some of a group's images, in the order asked for; the caller disposes it.</summary>
    /// <param name="group">Its place.</param>
    /// <param name="images">Their places in it.</param>
    public PrefixState Group(int group, IReadOnlyList<int> images)
    {
        using PrefixState all = Group(group);
        return all.Select(images);
    }

    /// <summary>The files that they come from, for provenance.</summary>
    public IReadOnlyList<IReadOnlyList<PatchImage>> Images { get; }

    /// <summary>The locality images, which belong to this object, or null if the benchmark names none.</summary>
    public LocalitySet? Locality { get; }

    /// <summary>The near images, which belong to this object, or null where the run has none.</summary>
    public NearSet? Near { get; }

    /// <summary>
    /// The sensitive images that were sought, which belong to this object, or null where the run has none.
    /// </summary>
    public SensitiveSet? Sensitive { get; }

    /// <summary>Finds, checks and loads every image; the caller disposes the result.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="benchmark">What to load.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="images">Where the groups' images are.</param>
    /// <param name="locality">Where the locality images are; needed if the benchmark names some.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="memory">
    /// Bytes that the groups' prefixes may take in memory, and as many again those of the locality images, of the near
    /// and of the sensitive ones, or null for a quarter of what the process may use.
    /// </param>
    /// <param name="near">Labelled images of the same kind, or null for none.</param>
    /// <param name="sensitive">Images that the unedited model is unsure of, or null for none.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">
    /// The benchmark is another model's, or an image is missing, another or unreadable.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static BenchData Load(
        SplitVit split,
        Benchmark benchmark,
        Preprocessing preprocessing,
        ImageRoots images,
        ImageRoots? locality,
        IProgress<int>? progress = null,
        long? memory = null,
        NearImages? near = null,
        IReadOnlyList<CandidateImage>? sensitive = null,
        CancellationToken cancellation = default
    )
    {
        benchmark.RequireModel(split.Model);
        // Every hash before the first slow step.
        (string[][] groupPaths, string[] localityPaths) = Find(benchmark, images, locality);

        int done = 0;
        PrefixStore groups = new(memory);
        PrefixStore others = new(memory);
        NearSet? nearSet = null;
        SensitiveSet? sensitiveSet = null;
        try
        {
            foreach (string[] paths in groupPaths)
                Add(groups, paths);
            PatchImage[][] files =
            [
                .. benchmark.Groups.Select(g =>
                    g.Images.Select(i => new PatchImage(Path.GetFileName(i.Path), i.Sha256)).ToArray()
                ),
            ];
            foreach (string[] paths in localityPaths.Chunk(PrefixStore.Together))
                Add(others, paths);
            if (near is not null)
                nearSet = NearSet.Load(split, near, preprocessing, Further(), memory, cancellation: cancellation);
            if (sensitive is not null)
                sensitiveSet = SensitiveSet.Load(split, sensitive, preprocessing, Further(), memory, cancellation);
            return new BenchData(
                groups,
                [.. Enumerable.Range(0, groups.Count)],
                files,
                localityPaths.Length == 0 ? null : new LocalitySet(split, others),
                nearSet,
                sensitiveSet
            );
        }
        catch
        {
            groups.Dispose();
            others.Dispose();
            nearSet?.Dispose();
            sensitiveSet?.Dispose();
            throw;
        }

        Told<int> Further()
        {
            int before = done;
            return new Told<int>(count => progress?.Report(done = before + count));
        }

        // The chunks' bounds are those of the group, never of the shard: products of other sizes round otherwise.
        void Add(PrefixStore to, string[] paths)
        {
            List<PrefixState> chunks = [];
            try
            {
                foreach (string[] chunk in paths.Chunk(VitCost.Of(split.Model.Config).ImagesTogether(Chunk)))
                {
                    cancellation.ThrowIfCancellationRequested();
                    using Tensor pixels = ImageLoader.LoadBatch(chunk, preprocessing);
                    chunks.Add(split.Prefix(pixels));
                    progress?.Report(done += chunk.Length);
                }
                to.Add(chunks);
            }
            finally
            {
                chunks.ForEach(c => c.Dispose());
            }
        }
    }

    /// <summary>
    /// Some of the groups, in an order of their own, with the same locality, near and sensitive images: what they are
    /// made of stays this object's, which must outlive the result.
    /// </summary>
    /// <param name="groups">Their places.</param>
    /// <exception cref="ArgumentOutOfRangeException">A place is not one of a group.</exception>
    public BenchData Select(IReadOnlyList<int> groups) =>
        new(
            _groups,
            [.. groups.Select(g => _places[g])],
            [.. groups.Select(g => Images[g])],
            Locality,
            Near,
            Sensitive,
            isPart: true
        );

    /// <summary>Measures an edit on all images that it was not made for.</summary>
    /// <param name="delta">What the edit adds.</param>
    /// <param name="own">The hashes of the edited group's images.</param>
    internal Elsewhere Measure(ModelDelta delta, IReadOnlySet<string> own) =>
        new(Locality?.Measure(delta), Near?.Measure(delta, own), Sensitive?.Measure(delta, own));

    /// <summary>The same of a model that patches were applied to, cut like the unedited one.</summary>
    internal Elsewhere Measure(SplitVit edited, IReadOnlySet<string> own) =>
        new(Locality?.Measure(edited), Near?.Measure(edited, own), Sensitive?.Measure(edited, own));

    /// <summary>Finds and checks every image without loading it.</summary>
    /// <param name="benchmark">What to find.</param>
    /// <param name="images">Where the groups' images are.</param>
    /// <param name="locality">Where the locality images are; needed if the benchmark names some.</param>
    /// <exception cref="BadInputException">An image is missing or another.</exception>
    public static (string[][] Groups, string[] Locality) Find(
        Benchmark benchmark,
        ImageRoots images,
        ImageRoots? locality
    )
    {
        if (benchmark.Locality.Count > 0 && locality is null)
            throw BadInput.Missing(
                null,
                $"The benchmark has {benchmark.Locality.Count} locality images, but their folder is not named.",
                Remedy.Option(Parameter.Locality)
            );
        images.Require(benchmark.Groups.SelectMany(g => g.Images).Select(i => i.Path));
        locality?.Require(benchmark.Locality.Select(i => i.Path));
        return (
            [.. benchmark.Groups.Select(g => g.Images.Select(i => images.Find(i.Path, i.Sha256)).ToArray())],
            [.. benchmark.Locality.Select(i => locality!.Find(i.Path, i.Sha256))]
        );
    }

    /// <summary>Frees the prefixes, but for those of a part, which belong to the whole.</summary>
    public void Dispose()
    {
        if (_isPart)
            return;
        _groups.Dispose();
        Locality?.Dispose();
        Near?.Dispose();
        Sensitive?.Dispose();
    }
}
