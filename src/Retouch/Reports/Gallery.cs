using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Reports;

/// <summary>Makes some of a run's edits again, to show them.</summary>
public static class Gallery
{
    /// <summary>The most pictures of one kind that an edit shows.</summary>
    public const int MostPictures = 18;

    const int ThumbnailSide = 96;
    const int ThumbnailQuality = 78;
    const int Quality = 86;
    const int Scale = 2;

    /// <summary>
    /// The edits to show of a setting's rows: of each group the edit of median GR, and of these as many as asked for,
    /// evenly from the group that generalizes least to the one that does most, so that neither luck nor a choice
    /// makes them look better than they are.
    /// </summary>
    /// <param name="rows">The rows of one setting.</param>
    /// <param name="count">How many at most.</param>
    public static IReadOnlyList<BenchRow> Choose(IEnumerable<BenchRow> rows, int count)
    {
        BenchRow[] medians =
        [
            .. rows.Where(ReportSubset.IsPublishedProtocol)
                .GroupBy(r => r.Group)
                .Select(g =>
                    g.OrderBy(r => r.Generalization)
                        .ThenBy(r => r.Image, StringComparer.Ordinal)
                        .ElementAt((g.Count() - 1) / 2)
                )
                .OrderBy(r => r.Generalization)
                .ThenBy(r => r.Group, StringComparer.Ordinal),
        ];
        int shown = Math.Min(Math.Max(count, 0), medians.Length);
        return
        [
            .. Enumerable
                .Range(0, shown)
                .Select(i =>
                    medians[shown == 1 ? medians.Length / 2 : (int)((long)i * (medians.Length - 1) / (shown - 1))]
                ),
        ];
    }

    /// <summary>The parts of a benchmark that some edits need: their groups, and all locality images.</summary>
    /// <exception cref="BadInputException">
    /// The benchmark lacks a row's group or image: it is another than the run's.
    /// </exception>
    public static Benchmark Restrict(Benchmark benchmark, IReadOnlyList<BenchRow> rows)
    {
        foreach (BenchRow row in rows)
        {
            if (benchmark.Groups.FirstOrDefault(g => g.Name == row.Group)?.Images.Any(i => i.Path == row.Image) != true)
                throw BadInput.Missing(
                    null,
                    $"The benchmark has no image {row.Image} in a group {row.Group}, which the run edited; name the "
                        + "benchmark of the run."
                );
        }
        return benchmark with { Groups = [.. benchmark.Groups.Where(g => rows.Any(r => r.Group == g.Name))] };
    }

    /// <summary>Makes edits again and looks at each.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="benchmark">The benchmark of the rows.</param>
    /// <param name="data">Its images.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="images">Where the groups' images are.</param>
    /// <param name="locality">Where the locality images are, or null if the benchmark names none.</param>
    /// <param name="setting">The method under the rows' settings.</param>
    /// <param name="rows">The edits.</param>
    /// <param name="progress">Told the number of edits done, or null to ignore.</param>
    /// <param name="cancellation">Stops between edits and within them between steps.</param>
    /// <exception cref="BadInputException">A row is of another benchmark, or an image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static IReadOnlyList<GalleryEdit> Make(
        SplitVit split,
        Benchmark benchmark,
        BenchData data,
        Preprocessing preprocessing,
        ImageRoots images,
        ImageRoots? locality,
        BenchSetting setting,
        IReadOnlyList<BenchRow> rows,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        Restrict(benchmark, rows);
        List<GalleryEdit> edits = [];
        foreach (BenchRow row in rows)
        {
            cancellation.ThrowIfCancellationRequested();
            int group = benchmark.Groups.Index().First(g => g.Item.Name == row.Group).Index;
            int image = benchmark.Groups[group].Images.Index().First(i => i.Item.Path == row.Image).Index;
            using PrefixState state = data.Group(group, [image]);
            Failure failure = new(state, benchmark.Groups[group].Label) { Images = [data.Images[group][image]] };
            using EditResult result = setting.Editor.Edit(split, [failure], null, cancellation)[0];
            edits.Add(
                Look(
                    new Sight(split, benchmark, data, preprocessing, images, locality, setting.Name),
                    result,
                    group,
                    image
                )
            );
            progress?.Report(edits.Count);
        }
        return edits;
    }

    static GalleryEdit Look(Sight sight, EditResult result, int g, int image)
    {
        (SplitVit split, Benchmark benchmark, BenchData data) = (sight.Split, sight.Benchmark, sight.Data);
        FailureGroup group = benchmark.Groups[g];
        ModelDelta delta = result.Patch.Change;
        using PrefixState images = data.Group(g);
        (int[] before, double[] beforeShare) = Predict(split, images, null, group.Label);
        (int[] after, double[] afterShare) = Predict(split, images, delta, group.Label);
        int[] others = [.. Enumerable.Range(0, after.Length).Where(i => i != image)];
        RgbImage seen = sight.Seen(sight.Images, group.Images[image].Path, group.Images[image].Sha256);

        EditContribution? contribution = null;
        if (delta is WeightDelta units)
        {
            using PrefixState state = images.Select([image]);
            // From the class that the model gives, which is the group's wrong one.
            contribution = EditContribution.Of(split, state, units, group.Label, before[image]);
        }
        LocalityMeasurement? measured = data.Locality?.Measure(delta).Among(benchmark.Unrelated([g]));
        return new GalleryEdit
        {
            Group = group.Name,
            Setting = sight.Setting,
            Image = new(group.Images[image].Path, before[image], after[image], ImageEncoder.Jpeg(seen, Quality)),
            Label = group.Label,
            Probability = (beforeShare[image], afterShare[image]),
            Success = group.Accepted.Contains(after[image]),
            Steps = result.Steps,
            Parameters = delta.Parameters,
            Fixed = Pictures(others.Where(i => group.Accepted.Contains(after[i])), Group),
            Unfixed = Pictures(others.Where(i => !group.Accepted.Contains(after[i])), Group),
            Changed = Pictures(
                measured?.Changed ?? [],
                c =>
                    (
                        benchmark.Locality[c.Image].Path,
                        benchmark.Locality[c.Image].Sha256,
                        c.Before,
                        c.After,
                        sight.Locality!
                    )
            ),
            LocalityImages = measured?.Images ?? 0,
            Near = data.Near is { } near ? Flips.Sum(near.Measure(delta, benchmark.Hashes([g])).Values) : null,
            Heat = contribution is null
                ? null
                : ImageEncoder.Jpeg(Overlay(Enlarge(seen), contribution.Patches, split.Model.Config.Grid), Quality),
            Contribution = contribution,
            Matrices = delta is WeightDelta touched
                ?
                [
                    .. Enumerable
                        .Range(0, split.Space.Matrices)
                        .Select(m => new GalleryMatrix(
                            split.Space.MatrixName(m),
                            split.Space.Hidden,
                            touched.Units[m].ToArray(),
                            contribution!.Units[m]
                        )),
                ]
                : [],
        };

        (string, string, int, int, ImageRoots) Group(int i) =>
            (group.Images[i].Path, group.Images[i].Sha256, before[i], after[i], sight.Images);

        IReadOnlyList<GalleryPicture> Pictures<T>(
            IEnumerable<T> of,
            Func<T, (string Path, string Sha256, int Before, int After, ImageRoots Roots)> file
        ) =>
            [
                .. of.Select(
                    (item, i) =>
                    {
                        (string path, string sha256, int was, int now, ImageRoots roots) = file(item);
                        return new GalleryPicture(
                            path,
                            was,
                            now,
                            i < MostPictures
                                ? ImageEncoder.Jpeg(
                                    Resampler.Resize(
                                        sight.Seen(roots, path, sha256),
                                        ThumbnailSide,
                                        ThumbnailSide,
                                        Interpolation.Bicubic
                                    ),
                                    ThumbnailQuality
                                )
                                : default
                        );
                    }
                ),
            ];
    }

    static (int[] Classes, double[] Share) Predict(SplitVit split, PrefixState state, ModelDelta? delta, int label)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = split.Logits(state, delta);
        return (
            [.. logits.argmax(1).cpu().data<long>().Select(c => (int)c)],
            [.. softmax(logits, 1).select(1, label).cpu().data<float>().Select(p => (double)p)]
        );
    }

    // Twice the pixels: colours of a JPEG are half as fine as its greys, and a patch's border is to stay sharp.
    static RgbImage Enlarge(RgbImage image) =>
        Resampler.Resize(image, image.Width * Scale, image.Height * Scale, Interpolation.Bicubic);

    /// <summary>
    /// The image in grey, patches that helped in orange and those that harmed in blue, as strongly as they did.
    /// </summary>
    static RgbImage Overlay(RgbImage image, IReadOnlyList<double> patches, int grid)
    {
        // Colours that protanopes, deuteranopes and tritanopes tell apart.
        (double R, double G, double B) helped = (255, 138, 0);
        (double R, double G, double B) harmed = (58, 110, 255);
        double most = Math.Max(patches.Select(Math.Abs).DefaultIfEmpty().Max(), 1e-12);
        byte[] pixels = image.Pixels.ToArray();
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                double share = patches[y * grid / image.Height * grid + x * grid / image.Width] / most;
                double alpha = 0.92 * Math.Abs(share);
                (double r, double g, double b) = share > 0 ? helped : harmed;
                Span<byte> pixel = pixels.AsSpan((y * image.Width + x) * 3, 3);
                double grey = 24 + 0.66 * (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]);
                pixel[0] = (byte)(grey + alpha * (r - grey));
                pixel[1] = (byte)(grey + alpha * (g - grey));
                pixel[2] = (byte)(grey + alpha * (b - grey));
            }
        }
        return new RgbImage(image.Width, image.Height, pixels);
    }

    /// <summary>What it takes to look at an edit.</summary>
    sealed record Sight(
        SplitVit Split,
        Benchmark Benchmark,
        BenchData Data,
        Preprocessing Preprocessing,
        ImageRoots Images,
        ImageRoots? Locality,
        string Setting
    )
    {
        /// <summary>An image as the model sees it.</summary>
        public RgbImage Seen(ImageRoots roots, string path, string sha256) =>
            Preprocessing.Apply(Preprocessing.Open(roots.Find(path, sha256)));
    }
}
