using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Retouch.Data;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// Builds a benchmark from labelled folders, or from what a person confirmed: what a model gets wrong, grouped by
/// source, true class and wrong prediction.
/// </summary>
public static class Mining
{
    /// <summary>Asks the model about every image and groups its failures.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="folders">
    /// The images. The folder that holds an image names its class, the folder above that its source.
    /// </param>
    /// <param name="classes">What the folders' names mean.</param>
    /// <param name="locality">Images that edits should leave alone, or null for none.</param>
    /// <param name="settings">What to keep.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>The benchmark, which has no groups where the model gets everything right, where no group is large
    /// enough, and where no folder is called by a class.</returns>
    /// <exception cref="BadInputException">A setting is out of range, folders are numbered otherwise than the
    /// classes, or an image or a source is there twice.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MiningResult Mine(
        SplitVit split,
        Preprocessing preprocessing,
        IReadOnlyList<ImageFolder> folders,
        ClassFolders classes,
        ImageFolder? locality,
        MiningSettings settings,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        List<Problem> skipped = [];
        LabelledImages labelled = Labelled.In(folders, classes, split.Model.Config.Classes, skipped);
        return MiningPart.Merge([
            Part(split, preprocessing, labelled, locality, settings, Shard.Whole, skipped, progress, cancellation),
        ]);
    }

    /// <summary>The same of folders, archives and lists of images and classes.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="sources">The folders, archives and lists.</param>
    /// <param name="roots">The folders from which the paths of lists go on; none for each list's own.</param>
    /// <param name="classes">What the names of folders and classes mean.</param>
    /// <param name="locality">Images that edits should leave alone, or null for none.</param>
    /// <param name="settings">What to keep.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">
    /// As above, or a list cannot be read, names an image or a class that is not there, or there are no images.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MiningResult Mine(
        SplitVit split,
        Preprocessing preprocessing,
        IReadOnlyList<string> sources,
        IReadOnlyList<string> roots,
        ClassFolders classes,
        ImageFolder? locality,
        MiningSettings settings,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        List<Problem> skipped = [];
        LabelledImages labelled = LabelledSources.In(sources, roots, classes, split.Model.Config.Classes, skipped);
        return MiningPart.Merge([
            Part(split, preprocessing, labelled, locality, settings, Shard.Whole, skipped, progress, cancellation),
        ]);
    }

    /// <summary>
    /// Asks the model about a part of the images: every n-th batch of them, so that each image is asked about as it
    /// would be in one run, to the bit.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="sources">The folders, archives and lists.</param>
    /// <param name="roots">The folders from which the paths of lists go on; none for each list's own.</param>
    /// <param name="classes">What the names of folders and classes mean.</param>
    /// <param name="locality">Images that edits should leave alone, or null for none.</param>
    /// <param name="settings">What to keep.</param>
    /// <param name="shard">The part.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">
    /// As above, or a list cannot be read, names an image or a class that is not there, or there are no images.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MiningPart Part(
        SplitVit split,
        Preprocessing preprocessing,
        IReadOnlyList<string> sources,
        IReadOnlyList<string> roots,
        ClassFolders classes,
        ImageFolder? locality,
        MiningSettings settings,
        Shard shard,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        List<Problem> skipped = [];
        LabelledImages labelled = LabelledSources.In(sources, roots, classes, split.Model.Config.Classes, skipped);
        return Part(split, preprocessing, labelled, locality, settings, shard, skipped, progress, cancellation) with
        {
            Run = MiningPart.Name(split.Model, preprocessing, labelled, locality, settings),
        };
    }

    // Without what names the whole, which nobody asks of one part that is all.
    static MiningPart Part(
        SplitVit split,
        Preprocessing preprocessing,
        LabelledImages labelled,
        ImageFolder? locality,
        MiningSettings settings,
        Shard shard,
        List<Problem> skipped,
        IProgress<int>? progress,
        CancellationToken cancellation
    )
    {
        int asked = 0;
        int right = 0;
        ModelQuestions questions = new(split, preprocessing, skipped, progress, cancellation, settings.Index)
        {
            Takes = shard.Has,
        };
        // Of many mistakes the names stay where they are, and the hashes are bytes.
        List<(int Place, int Wrong)> mistakes = [];
        List<byte> hashes = [];
        questions.Ask(
            labelled.FullPaths,
            (i, answer) =>
            {
                asked++;
                Labelled image = labelled[i];
                if (image.Accepted.Contains(answer.Class))
                {
                    right++;
                    return;
                }
                mistakes.Add((i, answer.Class));
                hashes.AddRange(Convert.FromHexString(questions.Hash(image.FullPath)));
            }
        );
        return new MiningPart
        {
            Shard = shard,
            Run = "",
            Model = split.Model.Fingerprint,
            Settings = settings,
            Labelled = labelled.Count,
            Images = asked,
            Right = right,
            Failures = new ListView<MinedFailure>(mistakes.Count, Failure),
            LocalityFolder = locality?.Root,
            Locality = Answers(questions, locality, skipped),
            Skipped = skipped,
        };

        MinedFailure Failure(int at)
        {
            (int place, int wrong) = mistakes[at];
            Labelled image = labelled[place];
            ReadOnlySpan<byte> hash = CollectionsMarshal
                .AsSpan(hashes)
                .Slice(at * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes);
            return new MinedFailure(
                place,
                image.Source,
                image.Class,
                image.Accepted,
                wrong,
                image.Path,
                Convert.ToHexStringLower(hash)
            );
        }
    }

    /// <summary>
    /// Makes a benchmark of what a person confirmed. Every image is asked about again, so that no group holds what the
    /// model does not get wrong so.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="images">Where the images are.</param>
    /// <param name="confirmed">The confirmed images.</param>
    /// <param name="locality">Images that edits should leave alone, or null for none.</param>
    /// <param name="settings">What to keep.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>The benchmark, which has no groups where none is large enough.</returns>
    /// <exception cref="BadInputException">The list is another model's, or an image is missing or another.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MiningResult Confirm(
        SplitVit split,
        Preprocessing preprocessing,
        ImageRoots images,
        ConfirmedList confirmed,
        ImageFolder? locality,
        MiningSettings settings,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        confirmed.RequireModel(split.Model);
        List<Problem> skipped = [];
        (FailureGroup Group, BenchmarkImage Image)[] all =
        [
            .. confirmed.Groups.SelectMany(g => g.Images.Select(i => (g, i))),
        ];
        images.Require(all.Select(x => x.Image.Path));
        string[] paths = [.. all.Select(x => images.Find(x.Image.Path, x.Image.Sha256))];
        ModelQuestions questions = new(split, preprocessing, skipped, progress, cancellation, settings.Index);
        Dictionary<FailureGroup, List<BenchmarkImage>> kept = new(ReferenceEqualityComparer.Instance);
        int right = 0;
        questions.Ask(
            paths,
            (i, answer) =>
            {
                (FailureGroup group, BenchmarkImage image) = all[i];
                if (answer.Class != group.Wrong)
                {
                    right += group.Accepted.Contains(answer.Class) ? 1 : 0;
                    skipped.Add(
                        new Problem(
                            $"{image.Path} is left out: the model gives it the class {answer.Class}, not "
                                + $"{group.Wrong}.",
                            BadInputKind.Mismatch,
                            image.Path
                        )
                    );
                    return;
                }
                if (!kept.TryGetValue(group, out List<BenchmarkImage>? list))
                    kept[group] = list = [];
                list.Add(image);
            }
        );
        FailureGroup[] groups =
        [
            .. confirmed
                .Groups.Where(g =>
                    kept.TryGetValue(g, out List<BenchmarkImage>? list) && list.Count >= settings.MinImages
                )
                .OrderBy(g => g.Source, StringComparer.Ordinal)
                .ThenBy(g => g.Class, StringComparer.Ordinal)
                .ThenBy(g => g.Wrong)
                .Select(g => g with { Images = [.. kept[g].OrderBy(i => i.Path, StringComparer.Ordinal)] }),
        ];
        Benchmark benchmark = new()
        {
            ModelFingerprint = split.Model.Fingerprint,
            Groups = groups,
            Locality = Locality(questions, locality, skipped),
            SensitiveMargin = settings.Margin,
        };
        return new MiningResult(benchmark, all.Length, right, confirmed.Groups.Count - groups.Length, skipped)
        {
            Labelled = all.Length,
        };
    }

    static List<LocalityImage> Locality(ModelQuestions questions, ImageFolder? locality, List<Problem> skipped) =>
        MiningPart.Once(Answers(questions, locality, skipped), locality?.Root, skipped);

    static List<MinedLocality> Answers(ModelQuestions questions, ImageFolder? locality, List<Problem> skipped)
    {
        List<MinedLocality> answers = [];
        if (locality is null)
            return answers;
        skipped.AddRange(locality.LeftOut.Select(why => new Problem(why)));
        string[] files = [.. locality.Files.Where(f => Nameable(f, skipped))];
        questions.Ask(
            [.. files.Select(locality.FullPath)],
            (i, answer) =>
                answers.Add(
                    new MinedLocality(
                        i,
                        new LocalityImage(files[i], questions.Hash(locality.FullPath(files[i])), answer.Margin)
                    )
                )
        );
        return answers;
    }

    internal static bool Nameable(string file, List<Problem> skipped)
    {
        bool nameable = BenchmarkFile.IsBelow(file);
        if (!nameable)
            skipped.Add(
                new Problem(
                    $"{file} is left out: its name is not one on every system; rename it.",
                    BadInputKind.Unsupported,
                    file
                )
            );
        return nameable;
    }
}
