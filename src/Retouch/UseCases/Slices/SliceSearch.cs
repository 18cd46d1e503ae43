using System.Text;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Reports;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Where a model fails together, without labels: of the images that it is unsure of, or of which a stronger model says
/// otherwise, those that its last block sees alike and that it says the same of. They are written as a page and as
/// lists that a repair takes.
/// </summary>
/// <param name="file">The model.</param>
/// <param name="stronger">A stronger model of the same classes; null for none.</param>
public sealed class SliceSearch(ModelFile file, ModelFile? stronger = null)
{
    // So much of the standard deviation is worth a word, and so many words are enough.
    const double LeastEffect = 0.5;
    const int MostTraits = 3;

    // Fewer images say nothing of what is usual for a class.
    const int FewestUsual = 10;
    const double LeastShare = 0.5;

    // So many images that the model is sure of say what a slice is near to.
    const int Neighbours = 20;

    // More nobody looks at, and all lie in one page.
    const int MostSlices = 200;

    // The column of a list that has a class of each image.
    const string Own = "class";

    static readonly string[] s_candidates = ["candidate", "second", "third"];

    /// <summary>Looks for slices and writes what is found.</summary>
    /// <param name="request">Where to look.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images; nothing is written then.</param>
    /// <exception cref="BadInputException">
    /// The images cannot be read, the models do not fit, or a file cannot be written.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public SliceFindings Run(SliceRequest request, IUseCaseEvents events, CancellationToken cancellation = default)
    {
        request.Validate();
        SliceFindings found = Find(request, events, cancellation);
        return Write(request, found, events, cancellation);
    }

    internal SliceFindings Find(SliceRequest request, IUseCaseEvents events, CancellationToken cancellation)
    {
        RequireStronger();
        LabelSet labels = ModelLabels.Of(file, request.LabelFile);
        List<Problem> skipped = [];
        List<(string Path, string File, string Source)> images = Listed(request.Images, skipped);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Seen seen = Look(images, skipped, events, cancellation);
        if (seen.Answers.Count == 0)
            throw BadInput.Missing(null, $"None of the {images.Count} images can be decoded.");
        ModelAnswer?[] better = Stronger(seen.Images, events, cancellation);
        double below = SliceGroups.Below(seen.Answers.Select(a => a.Margin), request.Settings);
        int[] some =
        [
            .. Enumerable
                .Range(0, seen.Answers.Count)
                .Where(i =>
                    stronger is null
                        ? seen.Answers[i].Margin < below
                        : better[i] is { } answer && answer.Class != seen.Answers[i].Class
                ),
        ];
        SliceImage[] members =
        [
            .. some.Select(i => new SliceImage(
                seen.Images[i].Path,
                seen.Images[i].File,
                seen.Images[i].Source,
                seen.Answers[i],
                better[i]
            )),
        ];
        SliceFindings findings = new(
            [],
            labels,
            seen.Answers.Count,
            some.Length,
            members.Sum(m => m.Mistake),
            0,
            skipped
        );
        if (some.Length < request.Settings.Fewest)
            return findings;
        Tensor features = seen.Features.index_select(0, tensor([.. some.Select(i => (long)i)]));
        Tensor standard = SliceGroups.Standard(features, [seen.Features]);
        Tensor rows = Clusters.Unit(standard);
        (IReadOnlyList<int> groups, _, double bits) = SliceGroups.Of(rows, request.Settings, cancellation);
        Usual usual = new(seen);
        int[] sure = [.. Enumerable.Range(0, seen.Answers.Count).Except(some)];
        Tensor known = SliceGroups.Directions(
            seen.Features.index_select(0, tensor([.. sure.Select(i => (long)i)])),
            [seen.Features]
        );
        int fewest = Math.Max((request.Settings.Fewest + 1) / 2, 2);
        FoundSlice[] slices =
        [
            .. Enumerable
                .Range(0, some.Length)
                .GroupBy(i => (groups[i], members[i].Said.Class))
                .SelectMany(g => Parted([.. g], standard, request.Settings, cancellation))
                .Where(g => g.Length >= fewest)
                .Select(g =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    (int[] typical, double likeness) = Typical(g, rows);
                    int said = members[typical[0]].Said.Class;
                    SliceImage[] own = [.. typical.Select(i => members[i])];
                    Tensor places = tensor([.. typical.Select(i => (long)i)]);
                    Tensor part = features.index_select(0, places);
                    int[] near = Near(rows.index_select(0, places), known);
                    return new FoundSlice(
                        own,
                        said,
                        Candidates(
                            own,
                            part,
                            [.. near.Select(n => seen.Answers[sure[n]].Class)],
                            said,
                            request.Settings.Names
                        ),
                        likeness,
                        own.Sum(m => m.Mistake),
                        usual.Traits([.. typical.Select(i => some[i])], said),
                        null
                    );
                })
                .OrderByDescending(s => s.Expected)
                .ThenBy(s => s.Images[0].Path, StringComparer.Ordinal)
                .Take(MostSlices),
        ];
        return findings with { Slices = slices, Bits = bits };
    }

    void RequireStronger()
    {
        if (stronger is null)
            return;
        int own = file.Model.Config.Classes;
        if (stronger.Model.Config.Classes != own)
            throw BadInput.Mismatch(
                stronger.Path,
                $"The stronger model has {stronger.Model.Config.Classes} classes, but the model has {own}; they must "
                    + "have the same, in the same order."
            );
        if (stronger.Model.Fingerprint == file.Model.Fingerprint)
            throw BadInput.Mismatch(
                stronger.Path,
                "The stronger model is the model itself, which agrees with itself everywhere.",
                Remedy.Option(Parameter.StrongerModel)
            );
    }

    static List<(string Path, string File, string Source)> Listed(IReadOnlyList<string> sources, List<Problem> skipped)
    {
        List<(string, string, string)> images = [];
        HashSet<string> seen = [];
        foreach (ImageFolder folder in sources.Select(ImageFolder.Open))
        {
            skipped.AddRange(folder.LeftOut.Select(why => new Problem(why)));
            foreach (string name in folder.Files)
            {
                string real = folder.RealPath(name);
                if (!seen.Add(real))
                    throw BadInput.Ambiguous(real, $"{real} lies in two of the given folders; name each folder once.");
                string inner = Path.GetDirectoryName(name) is { Length: > 0 } parent ? $"/{parent}" : "";
                images.Add((name, Path.GetFullPath(real), folder.Name + inner.Replace('\\', '/')));
            }
        }
        return images;
    }

    Seen Look(
        List<(string Path, string File, string Source)> images,
        List<Problem> skipped,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        SplitVit split = new(file.Model);
        int together = VitCost.Of(file.Model.Config).ImagesTogether(16);
        List<Tensor> features = [];
        List<ModelAnswer> answers = [];
        List<ImageLook> looks = [];
        List<(string, string, string)> read = [];
        events.Progress(
            "looking at images",
            images.Count,
            report =>
            {
                int done = 0;
                foreach ((string Path, string File, string Source)[] chunk in images.Chunk(together))
                {
                    cancellation.ThrowIfCancellationRequested();
                    using DisposeScope each = NewDisposeScope();
                    ImageLook[] own = new ImageLook[chunk.Length];
                    (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                        ImageLoader.LoadAvailable(
                            [.. chunk.Select(c => c.File)],
                            file.Preprocessing,
                            (i, image) =>
                            {
                                own[i] = ImageLook.Of(image);
                                return image;
                            }
                        );
                    skipped.AddRange(failed.Select(f => f.Why));
                    if (loaded.Count > 0)
                    {
                        using PrefixState state = split.Prefix(pixels);
                        Tensor seen = split.ClassFeatures(state);
                        answers.AddRange(ModelAnswer.Of(file.Model.Classify(seen)));
                        features.Add(seen.to(ScalarType.Float32).cpu().MoveToOuterDisposeScope());
                        looks.AddRange(loaded.Select(i => own[i]));
                        read.AddRange(loaded.Select(i => chunk[i]));
                    }
                    report(done += chunk.Length, null);
                }
                return 0;
            }
        );
        return new Seen(features.Count == 0 ? zeros([0, 1]) : cat([.. features], 0), answers, looks, read);
    }

    ModelAnswer?[] Stronger(
        IReadOnlyList<(string Path, string File, string Source)> images,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        ModelAnswer?[] answers = new ModelAnswer?[images.Count];
        if (stronger is not null)
            events.Progress(
                "asking the stronger model",
                images.Count,
                report =>
                {
                    new ModelQuestions(
                        new SplitVit(stronger.Model),
                        stronger.Preprocessing,
                        [],
                        new Told<int>(done => report(done, null)),
                        cancellation
                    ).Ask([.. images.Select(i => i.File)], (i, answer) => answers[i] = answer);
                    return 0;
                }
            );
        return answers;
    }

    // What the model says the same of has that in common: what is left is parted again, where halves agree that it
    // can be.
    static IEnumerable<int[]> Parted(
        int[] group,
        Tensor standard,
        SliceSettings settings,
        CancellationToken cancellation
    )
    {
        if (group.Length < 2 * settings.Fewest)
            return [group];
        using DisposeScope scope = NewDisposeScope();
        Tensor own = standard.index_select(0, tensor([.. group.Select(i => (long)i)]));
        Tensor rows = Clusters.Unit(own - own.mean([0], keepdim: true));
        (IReadOnlyList<int> parts, _, _) = SliceGroups.Of(rows, settings, cancellation);
        return [.. group.Zip(parts).GroupBy(x => x.Second).Select(g => g.Select(x => x.First).ToArray())];
    }

    // The images nearest to their mean direction first, and how near all are: the mean cosine.
    static (int[] Images, double Likeness) Typical(int[] group, Tensor rows)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor own = rows.index_select(0, tensor([.. group.Select(i => (long)i)]));
        Tensor centre = Clusters.Unit(own.mean([0], keepdim: true));
        float[] cosines = mm(own, centre.t()).squeeze(1).data<float>().ToArray();
        return (
            [.. group.Zip(cosines).OrderByDescending(x => x.Second).ThenBy(x => x.First).Select(x => x.First)],
            cosines.Average()
        );
    }

    // The images that the model is sure of and sees most like a slice.
    static int[] Near(Tensor rows, Tensor known)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor centre = Clusters.Unit(rows.mean([0], keepdim: true));
        int count = (int)Math.Min(Neighbours, known.shape[0]);
        return count < Neighbours
            ? []
            : [.. mm(known, centre.t()).squeeze(1).topk(count).indexes.data<long>().Select(i => (int)i)];
    }

    IReadOnlyList<ClassProbability> Candidates(
        SliceImage[] images,
        Tensor features,
        IReadOnlyList<int> near,
        int said,
        int count
    )
    {
        if (stronger is not null)
            return
            [
                .. images
                    .GroupBy(i => i.Stronger!.Value.Class)
                    .OrderByDescending(g => g.Count())
                    .ThenBy(g => g.Key)
                    .Take(count)
                    .Select(g => new ClassProbability(g.Key, (double)g.Count() / images.Length)),
            ];
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = zeros(file.Model.Config.Classes, ScalarType.Float64);
        foreach (Tensor part in features.split(1024))
            sum.Plus_(special.softmax(file.Model.Classify(part), 1).sum([0]).to(ScalarType.Float64).cpu());
        // Half by what the model leaves to other classes, half by what it calls what it is sure of and sees alike.
        ILookup<int, int> called = near.ToLookup(n => n);
        return
        [
            .. sum.data<double>()
                .Select(
                    (p, c) =>
                        new ClassProbability(
                            c,
                            near.Count == 0
                                ? p / images.Length
                                : (p / images.Length + (double)called[c].Count() / near.Count) / 2
                        )
                )
                .Where(p => p.Class != said)
                .OrderByDescending(p => p.Probability)
                .Take(count),
        ];
    }

    SliceFindings Write(
        SliceRequest request,
        SliceFindings found,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        try
        {
            Directory.CreateDirectory(request.Lists);
            // Those of an earlier page would be taken for this one's.
            foreach (string earlier in Directory.EnumerateFiles(request.Lists, "*.csv").Where(IsNumbered))
                File.Delete(earlier);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                request.Lists,
                $"{request.Lists} cannot be written to ({SystemMessage.Of(e)}).",
                Remedy.OtherOutput,
                e
            );
        }
        found = found with
        {
            Slices =
            [
                .. found.Slices.Select(
                    (s, i) => s with { List = WriteList(Path.Combine(request.Lists, $"{i + 1}.csv"), s, found.Labels) }
                ),
            ],
        };
        SlicePageContent content = new()
        {
            Model = Path.GetFileName(Path.TrimEndingDirectorySeparator(file.Path)),
            Stronger = stronger is null ? null : Path.GetFileName(Path.TrimEndingDirectorySeparator(stronger.Path)),
            Labels = found.Labels,
            Orientation = file.Preprocessing.Orientation,
            Images = found.Images,
            Unsure = found.Unsure,
            Expected = found.Expected,
            Slices = [.. found.Slices.Select((s, i) => Shown(request, s, i + 1))],
            Facts =
            [
                ("Model", file.Path),
                ("Fingerprint", file.Model.Fingerprint),
                .. stronger is null
                    ? ((string, string)[])[]
                    : [("Stronger model", stronger.Path), ("Its fingerprint", stronger.Model.Fingerprint)],
                ("Images", string.Join(", ", request.Images)),
                ("Preprocessing", file.Preprocessing.ToString()),
                ("Seed", $"{request.Settings.Seed}"),
            ],
        };
        events.Progress(
            "making the page",
            found.Slices.Sum(s => Math.Min(s.Images.Count, request.Thumbnails)),
            report =>
            {
                SlicePage.Write(
                    request.Page,
                    content,
                    request.Overwrite,
                    new Told<int>(done => report(done, null)),
                    cancellation
                );
                return 0;
            }
        );
        return found;
    }

    // By a stronger model each image has a class of its own; without, the list's reader writes them.
    static (int?, string)[] Commands(SliceRequest request, FoundSlice slice, int number)
    {
        if (request.Repair is not { } repair)
            return [];
        (int?, string)[] own = [(null, repair(new SliceRepair(number, slice.List!, Own)))];
        (int?, string)[] candidates =
        [
            .. slice
                .Candidates.Zip(s_candidates)
                .Select(c => ((int?)c.First.Class, repair(new SliceRepair(number, slice.List!, c.Second)))),
        ];
        return slice.Images[0].Stronger is null ? [.. candidates, .. own] : [.. own, .. candidates];
    }

    static ShownSlice Shown(SliceRequest request, FoundSlice slice, int number) =>
        new()
        {
            Said = slice.Said,
            Candidates = [.. slice.Candidates.Select(c => (c.Class, c.Probability))],
            Images = slice.Images.Count,
            Expected = slice.Expected,
            Likeness = slice.Likeness,
            Traits = [.. slice.Traits.Select(t => t.ToString())],
            List = $"{Path.GetFileName(request.Lists)}/{number}.csv",
            Commands = Commands(request, slice, number),
            Pictures =
            [
                .. slice
                    .Images.Take(request.Thumbnails)
                    .Select(i => new ShownPicture(
                        i.Path,
                        i.File,
                        i.Said.Class,
                        i.Said.Probability,
                        i.Stronger?.Class,
                        i.Stronger?.Probability
                    )),
            ],
        };

    // Every row has what each image may be: by the stronger model its own class, else nothing, and the slice's.
    static string WriteList(string path, FoundSlice slice, LabelSet labels)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        CsvText csv = new(["path", Own, .. s_candidates, "said", "said_name", "probability", "stronger"]);
        object?[] candidates = [.. s_candidates.Select((_, i) => i < slice.Candidates.Count ? Class(i) : null)];
        foreach (SliceImage image in slice.Images)
        {
            string relative = Path.GetRelativePath(folder, image.File).Replace('\\', '/');
            csv.Add([
                // What begins otherwise a table program could take for a formula.
                relative[0] is '.' or '/'
                    ? relative
                    : $"./{relative}",
                image.Stronger is { } better ? $"index:{better.Class}" : null,
                .. candidates,
                $"index:{image.Said.Class}",
                labels[image.Said.Class].Name,
                Math.Round(image.Said.Probability, 6),
                image.Stronger is { } other ? Math.Round(other.Probability, 6) : null,
            ]);
        }
        AtomicFile.Write(path, true, stream => stream.Write(Encoding.UTF8.GetBytes(csv.ToString())));
        return path;

        string Class(int i) => $"index:{slice.Candidates[i].Class}";
    }

    static bool IsNumbered(string path) => Path.GetFileNameWithoutExtension(path).All(char.IsAsciiDigit);

    // All images in their order: what the classifier reads, [N,D], what the model says, and how they look.
    sealed record Seen(
        Tensor Features,
        IReadOnlyList<ModelAnswer> Answers,
        IReadOnlyList<ImageLook> Looks,
        IReadOnlyList<(string Path, string File, string Source)> Images
    );

    // What images look like, all of them and those of each answer.
    sealed class Usual
    {
        readonly Seen _seen;
        readonly ILookup<int, int> _said;
        readonly double[] _deviations;

        public Usual(Seen seen)
        {
            _seen = seen;
            _said = Enumerable.Range(0, seen.Answers.Count).ToLookup(i => seen.Answers[i].Class);
            _deviations =
            [
                .. ImageLook.Names.Select(
                    (_, k) =>
                    {
                        double[] values = [.. seen.Looks.Select(l => l.Values[k])];
                        double mean = values.Average();
                        return Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
                    }
                ),
            ];
        }

        public IReadOnlyList<SliceTrait> Traits(int[] slice, int said)
        {
            HashSet<int> own = [.. slice];
            int[] others = [.. _said[said].Where(i => !own.Contains(i))];
            if (others.Length < FewestUsual)
                others = [.. Enumerable.Range(0, _seen.Answers.Count).Where(i => !own.Contains(i))];
            if (others.Length == 0)
                return [];
            IEnumerable<SliceTrait> looks = ImageLook
                .Names.Select(
                    (name, k) =>
                    {
                        double here = slice.Average(i => _seen.Looks[i].Values[k]);
                        double there = others.Average(i => _seen.Looks[i].Values[k]);
                        double effect = _deviations[k] < 1e-9 ? 0 : (here - there) / _deviations[k];
                        return new SliceTrait(name, here, there, effect, null);
                    }
                )
                .Where(t => Math.Abs(t.Effect) >= LeastEffect);
            IGrouping<string, int> source = slice
                .GroupBy(i => _seen.Images[i].Source)
                .OrderByDescending(g => g.Count())
                .First();
            double share = (double)source.Count() / slice.Length;
            double usual = (double)others.Count(i => _seen.Images[i].Source == source.Key) / others.Length;
            IEnumerable<SliceTrait> sources =
                share >= LeastShare && share - usual >= LeastShare / 2
                    ? [new SliceTrait("source", share, usual, share - usual, source.Key)]
                    : [];
            return [.. sources, .. looks.OrderByDescending(t => Math.Abs(t.Effect)).Take(MostTraits)];
        }
    }
}
