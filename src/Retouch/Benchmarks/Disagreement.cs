using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// Unlabelled images on which a stronger model disagrees with a model, grouped by what the two say, as "Learning
/// Where to Edit Vision Transformers" (NeurIPS 2024, section 4.1) mined photos: candidates for a benchmark, which a
/// person confirms. Immutable.
/// </summary>
public sealed record Disagreement
{
    /// <summary>The fingerprint of the model whose failures are sought.</summary>
    public required string Model { get; init; }

    /// <summary>The fingerprint of the stronger model.</summary>
    public required string Stronger { get; init; }

    /// <summary>
    /// The groups, the largest first; none where the models agree on everything or no group is large enough.
    /// </summary>
    public required IReadOnlyList<DisagreementGroup> Groups { get; init; }

    /// <summary>The images that both models were asked about.</summary>
    public required int Images { get; init; }

    /// <summary>How many of them both say the same of.</summary>
    public required int Agreed { get; init; }

    /// <summary>Groups left out because they have too few images.</summary>
    public required int SmallGroups { get; init; }

    /// <summary>Images that were left out, each with the reason.</summary>
    public required IReadOnlyList<Problem> Skipped { get; init; }

    /// <summary>Asks two models about every image.</summary>
    /// <param name="model">The model whose failures are sought, cut anywhere.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="stronger">The stronger model, with the same classes.</param>
    /// <param name="strongerPreprocessing">How images are made into its pixels.</param>
    /// <param name="folders">
    /// The images, in any folders below; a folder's own name says where its images come from.
    /// </param>
    /// <param name="labels">The classes' names.</param>
    /// <param name="settings">What to keep; the fewest images of a group counts.</param>
    /// <param name="progress">Told the number of answers, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">The models have different classes or are the same, two folders are called
    /// alike, or an image lies in two.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static Disagreement Find(
        SplitVit model,
        Preprocessing preprocessing,
        SplitVit stronger,
        Preprocessing strongerPreprocessing,
        IReadOnlyList<ImageFolder> folders,
        LabelSet labels,
        MiningSettings settings,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        if (model.Model.Config.Classes != stronger.Model.Config.Classes)
            throw BadInput.Mismatch(
                null,
                $"The stronger model has {stronger.Model.Config.Classes} classes, but the model has "
                    + $"{model.Model.Config.Classes}; they must have the same, in the same order."
            );
        if (model.Model.Fingerprint == stronger.Model.Fingerprint)
            throw BadInput.Mismatch(
                null,
                "The stronger model is the model itself, which agrees with itself everywhere.",
                Remedy.Option(Parameter.StrongerModel)
            );
        List<Problem> skipped = [.. folders.SelectMany(f => f.LeftOut).Select(why => new Problem(why))];
        (string Source, string Path, string FullPath)[] images = [.. Named(folders, skipped)];
        string[] paths = [.. images.Select(i => i.FullPath)];
        ModelAnswer?[] weak = new ModelAnswer?[paths.Length];
        ModelAnswer?[] strong = new ModelAnswer?[paths.Length];
        int asked = 0;
        new ModelQuestions(model, preprocessing, skipped, progress, cancellation, settings.Index).Ask(
            paths,
            (i, answer) => weak[i] = answer
        );
        new ModelQuestions(
            stronger,
            strongerPreprocessing,
            [],
            new Told<int>(done => progress?.Report(paths.Length + done)),
            cancellation,
            settings.Index
        ).Ask(paths, (i, answer) => strong[i] = answer);

        Dictionary<(string Source, int Label, int Wrong), List<DisagreementImage>> groups = [];
        int agreed = 0;
        for (int i = 0; i < paths.Length; i++)
        {
            if (weak[i] is not { } weaker || strong[i] is not { } better)
                continue;
            asked++;
            if (weaker.Class == better.Class)
            {
                agreed++;
                continue;
            }
            (string, int, int) key = (images[i].Source, better.Class, weaker.Class);
            if (!groups.TryGetValue(key, out List<DisagreementImage>? group))
                groups[key] = group = [];
            group.Add(
                new DisagreementImage(
                    new BenchmarkImage(images[i].Path, ""),
                    images[i].FullPath,
                    better.Probability,
                    weaker.Probability
                )
            );
        }
        DisagreementGroup[] large =
        [
            .. groups
                .Where(g => g.Value.Count >= settings.MinImages)
                .OrderByDescending(g => g.Value.Count)
                .ThenBy(g => g.Key.Source, StringComparer.Ordinal)
                .ThenBy(g => g.Key.Label)
                .ThenBy(g => g.Key.Wrong)
                .Select(g => new DisagreementGroup(
                    g.Key.Source,
                    ClassName(labels, g.Key.Label),
                    g.Key.Label,
                    g.Key.Wrong,
                    [
                        .. g
                            .Value.OrderByDescending(x => x.StrongerProbability)
                            .ThenBy(x => x.Image.Path, StringComparer.Ordinal)
                            .Select(x => x with { Image = x.Image with { Sha256 = ImageRoots.Hash(x.FullPath) } }),
                    ]
                )),
        ];
        return new Disagreement
        {
            Model = model.Model.Fingerprint,
            Stronger = stronger.Model.Fingerprint,
            Groups = large,
            Images = asked,
            Agreed = agreed,
            SmallGroups = groups.Count - large.Length,
            Skipped = skipped,
        };
    }

    static IEnumerable<(string, string, string)> Named(IReadOnlyList<ImageFolder> folders, List<Problem> skipped)
    {
        Dictionary<string, string> sources = [];
        HashSet<string> seen = [];
        foreach (ImageFolder folder in folders)
        {
            string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder.Root));
            string source = Path.GetFileName(root) is { Length: > 0 } last ? last : "images";
            if (sources.TryGetValue(source, out string? known) && known != root)
                throw BadInput.Ambiguous(
                    null,
                    $"{known} and {root} have the same name, which is to tell where images come from; rename one."
                );
            sources[source] = root;
            foreach (string file in folder.Files.Where(f => Mining.Nameable(f, skipped)))
            {
                string full = Path.GetFullPath(folder.FullPath(file));
                if (!seen.Add(folder.RealPath(file)))
                    throw BadInput.Ambiguous(
                        full,
                        $"{full} lies in two of the folders; name every folder of images once."
                    );
                yield return (source, file, full);
            }
        }
    }

    // A group is called by its class, so the name must be one alone, and one without slashes.
    static string ClassName(LabelSet labels, int index)
    {
        string name = labels[index].Name.Trim();
        bool plain = name.Length > 0 && !name.Any(c => char.IsControl(c) || c is '/' or '\\');
        bool unique = Enumerable.Range(0, labels.Count).Count(i => labels[i].Name.Trim() == name) == 1;
        return !labels.HasNames || !plain ? $"class {index}"
            : unique ? name
            : $"{name} ({index})";
    }
}
