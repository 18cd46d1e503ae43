using Retouch.Images;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Evaluation;

/// <summary>Builds a benchmark from labelled folders: what a model gets wrong, grouped by source, true class and wrong prediction.</summary>
public static class Mining
{
    const int Chunk = 16;

    /// <summary>Asks the model about every image and groups its failures.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="folders">The images. The folder that holds an image names its class, the folder above that its source.</param>
    /// <param name="classes">What the folders' names mean.</param>
    /// <param name="locality">Images that edits should leave alone; null for none.</param>
    /// <param name="settings">What to keep.</param>
    /// <param name="progress">Told the number of images done; null for nobody.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">A setting is out of range, no folder is called by a class, or no group is large enough.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MiningResult Mine(
        SplitVit split, Preprocessing preprocessing, IReadOnlyList<ImageFolder> folders, ClassFolders classes, ImageFolder? locality,
        MiningSettings settings, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        settings.Validate();
        List<string> skipped = [];
        List<Labelled> labelled = [.. Labelled.In(folders, classes, skipped)];
        if (labelled.Count == 0)
            throw new BadInputException($"No folder's name is a class: {skipped.FirstOrDefault() ?? "the mapping leaves all of them out."} Say which classes the folders stand for with --accept.");
        foreach (Labelled image in labelled)
        {
            if (image.Accepted.FirstOrDefault(c => c >= split.Model.Config.Classes) is int beyond and > 0)
                throw new BadInputException($"The class {beyond} of {image.Class} is not one of the model's {split.Model.Config.Classes}.");
        }

        int done = 0, asked = 0, right = 0;
        Dictionary<(string Source, string Class, int Wrong), List<Labelled>> failures = [];
        Predict([.. labelled.Select(l => l.FullPath)], (i, predicted, _) =>
        {
            asked++;
            if (labelled[i].Accepted.Contains(predicted))
            {
                right++;
                return;
            }
            (string, string, int) key = (labelled[i].Source, labelled[i].Class, predicted);
            if (!failures.TryGetValue(key, out List<Labelled>? group))
                failures[key] = group = [];
            group.Add(labelled[i]);
        });
        FailureGroup[] groups =
        [
            .. failures.Where(f => f.Value.Count >= settings.MinImages)
                .OrderBy(f => f.Key.Source, StringComparer.Ordinal).ThenBy(f => f.Key.Class, StringComparer.Ordinal).ThenBy(f => f.Key.Wrong)
                .Select(f => new FailureGroup(f.Key.Source, f.Key.Class, f.Value[0].Accepted, f.Key.Wrong,
                    [.. f.Value.OrderBy(l => l.Path, StringComparer.Ordinal).Select(l => new BenchmarkImage(l.Path, ImageRoots.Hash(l.FullPath)))])),
        ];
        if (groups.Length == 0)
        {
            throw new BadInputException($"The model gets {right} of {asked} images right, and no {settings.MinImages} of its mistakes share their class and their wrong prediction; "
                + "ask for smaller groups with --min, or give more images.");
        }

        List<LocalityImage> kept = [];
        if (locality is not null)
        {
            string[] files = [.. locality.Files.Where(f => Nameable(f, skipped))];
            Predict([.. files.Select(locality.FullPath)], (i, _, margin) => kept.Add(new LocalityImage(files[i], ImageRoots.Hash(locality.FullPath(files[i])), margin)));
        }
        Benchmark benchmark = new() { ModelFingerprint = split.Model.Fingerprint, Groups = groups, Locality = kept, SensitiveMargin = settings.Margin };
        return new MiningResult(benchmark, asked, right, failures.Count - groups.Length, skipped);

        void Predict(string[] paths, Action<int, int, double> tell)
        {
            for (int start = 0; start < paths.Length; start += Chunk)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                string[] chunk = [.. paths.Skip(start).Take(Chunk)];
                (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, string Why)> failed) = ImageLoader.LoadAvailable(chunk, preprocessing);
                skipped.AddRange(failed.Select(f => f.Why));
                if (loaded.Count > 0)
                {
                    using PrefixState state = split.Prefix(pixels);
                    (Tensor values, Tensor indices) = special.softmax(split.Logits(state), 1).topk(Math.Min(2, split.Model.Config.Classes));
                    float[] top = values.cpu().contiguous().data<float>().ToArray();
                    long[] predicted = indices.cpu().contiguous().data<long>().ToArray();
                    int width = top.Length / loaded.Count;
                    for (int i = 0; i < loaded.Count; i++)
                        tell(start + loaded[i], (int)predicted[i * width], Math.Clamp(top[i * width] - (width > 1 ? top[i * width + 1] : 0), 0f, 1f));
                }
                progress?.Report(done += chunk.Length);
            }
        }
    }

    static bool Nameable(string file, List<string> skipped)
    {
        bool nameable = BenchmarkFile.IsBelow(file);
        if (!nameable)
            skipped.Add($"{file} is left out: its name is not one on every system; rename it.");
        return nameable;
    }

    /// <summary>An image with its true class.</summary>
    sealed record Labelled(string Source, string Class, IReadOnlyList<int> Accepted, string Path, string FullPath)
    {
        public static IEnumerable<Labelled> In(IReadOnlyList<ImageFolder> folders, ClassFolders classes, List<string> skipped)
        {
            Dictionary<string, IReadOnlyList<int>> accepted = [];
            Dictionary<string, string> sources = [];
            HashSet<string> seen = [];
            foreach (ImageFolder folder in folders)
            {
                foreach (string file in folder.Files)
                {
                    string full = System.IO.Path.GetFullPath(folder.FullPath(file));
                    string classFolder = System.IO.Path.GetDirectoryName(full)!, name = System.IO.Path.GetFileName(classFolder);
                    if (!accepted.TryGetValue(name, out IReadOnlyList<int>? right))
                    {
                        try
                        {
                            right = classes.Accepted(name);
                        }
                        catch (BadInputException e)
                        {
                            skipped.Add($"The folder {classFolder} is left out: {e.Message}");
                            right = [];
                        }
                        accepted[name] = right;
                    }
                    if (right.Count == 0)
                        continue;
                    if (!Nameable(file, skipped))
                        continue;
                    if (!seen.Add(full))
                        throw new BadInputException($"{full} lies in two of the folders; name every folder of images once.");
                    string sourceFolder = System.IO.Path.GetDirectoryName(classFolder) ?? "";
                    string source = System.IO.Path.GetFileName(sourceFolder) is { Length: > 0 } last ? last : "images";
                    if (sources.TryGetValue(source, out string? known) && known != sourceFolder)
                        throw new BadInputException($"{known} and {sourceFolder} have the same name, which is to tell where images come from; rename one.");
                    sources[source] = sourceFolder;
                    yield return new Labelled(source, name, right, file, full);
                }
            }
        }
    }
}
