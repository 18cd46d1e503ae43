using Retouch.Data;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>Measures the locality of one edit over a folder of any size, a few images in memory at a time.</summary>
public static class Locality
{
    // As many as the suffix takes at once: more would only make an interrupt wait longer.
    const int Chunk = 16;

    /// <summary>Compares the predictions of the unedited and the edited model.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="delta">What the edit adds.</param>
    /// <param name="folder">The images.</param>
    /// <param name="preprocessing">How they are made into pixels.</param>
    /// <param name="progress">Told the number of files done, or null to ignore.</param>
    /// <param name="unedited">
    /// The model whose predictions are to be kept where <paramref name="split"/> is one that was edited before, or null
    /// for <paramref name="split"/>.
    /// </param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>
    /// The measurement, the files it speaks of (in its order), and those that could not be decoded, with the reason.
    /// </returns>
    /// <exception cref="BadInputException">
    /// No image of the folder can be decoded, or the two models do not take the same images or have other classes.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static (
        LocalityMeasurement Measurement,
        IReadOnlyList<string> Files,
        IReadOnlyList<(string File, Problem Why)> Skipped
    ) Measure(
        SplitVit split,
        ModelDelta delta,
        ImageFolder folder,
        Preprocessing preprocessing,
        IProgress<int>? progress = null,
        SplitVit? unedited = null,
        CancellationToken cancellation = default
    )
    {
        List<string> files = [];
        List<(string, Problem)> skipped = [];
        List<PredictionChange> changes = [];
        List<int> before = [];
        foreach (Part part in Parts(split, unedited, Named(folder), preprocessing, progress, cancellation))
        {
            skipped.AddRange(part.Failed.Select(f => (folder.Files[f.File], f.Why)));
            if (part.State is null)
                continue;
            using LocalitySet set = new(split, PrefixStore.Of(part.State), part.Said);
            changes.AddRange(set.Measure(delta).Changed.Select(c => c with { Image = c.Image + files.Count }));
            before.AddRange(set.Predictions);
            files.AddRange(part.Loaded.Select(i => folder.Files[i]));
        }
        return (new LocalityMeasurement(files.Count, changes) { Before = before }, files, skipped);
    }

    /// <summary>
    /// Loads a whole folder, for many edits: 2·T·D floats an image, 300 KB for ViT-Ti/16 and 1.2 MB for ViT-B/16, in
    /// memory as far as the budget goes, the rest on disk.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="folder">The images.</param>
    /// <param name="preprocessing">How they are made into pixels.</param>
    /// <param name="progress">Told the number of files done, or null to ignore.</param>
    /// <param name="memory">
    /// Bytes that the prefixes may take in memory, or null for a quarter of what the process may use.
    /// </param>
    /// <param name="unedited">
    /// The model whose predictions are to be kept where <paramref name="split"/> is one that was edited before, or null
    /// for <paramref name="split"/>.
    /// </param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>
    /// The set, which the caller disposes, its files in its order, and those that could not be decoded, with the
    /// reason.
    /// </returns>
    /// <exception cref="BadInputException">
    /// No image of the folder can be decoded, or the two models do not take the same images or have other classes.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static (
        LocalitySet Set,
        IReadOnlyList<string> Files,
        IReadOnlyList<(string File, Problem Why)> Skipped
    ) Load(
        SplitVit split,
        ImageFolder folder,
        Preprocessing preprocessing,
        IProgress<int>? progress = null,
        long? memory = null,
        SplitVit? unedited = null,
        CancellationToken cancellation = default
    )
    {
        (LocalitySet set, IReadOnlyList<int> loaded, IReadOnlyList<(int File, Problem Why)> failed) = Load(
            split,
            Named(folder),
            preprocessing,
            progress,
            memory,
            unedited,
            cancellation
        );
        return (set, [.. loaded.Select(i => folder.Files[i])], [.. failed.Select(f => (folder.Files[f.File], f.Why))]);
    }

    /// <summary>The same of files anywhere.</summary>
    /// <returns>
    /// The set, which the caller disposes, the places of its images among the paths, and those of the files that could
    /// not be decoded, with the reason.
    /// </returns>
    internal static (LocalitySet Set, IReadOnlyList<int> Loaded, IReadOnlyList<(int File, Problem Why)> Failed) Load(
        SplitVit split,
        ImagePaths images,
        Preprocessing preprocessing,
        IProgress<int>? progress,
        long? memory,
        SplitVit? unedited,
        CancellationToken cancellation
    )
    {
        List<int> loaded = [];
        List<(int, Problem)> failed = [];
        PrefixStore states = new(memory);
        List<PrefixState> together = [];
        List<int>? predictions = unedited is null ? null : [];
        try
        {
            foreach (Part part in Parts(split, unedited, images, preprocessing, progress, cancellation))
            {
                predictions?.AddRange(part.Said ?? []);
                if (part.State is not null)
                    together.Add(part.State);
                if (together.Sum(s => s.Images) >= PrefixStore.Together)
                    states.Add(together);
                loaded.AddRange(part.Loaded);
                failed.AddRange(part.Failed);
            }
            if (together.Count > 0)
                states.Add(together);
            return (new LocalitySet(split, states, predictions), loaded, failed);
        }
        catch
        {
            together.ForEach(s => s.Dispose());
            states.Dispose();
            throw;
        }
    }

    static ImagePaths Named(ImageFolder folder) =>
        new($"images in {folder.Root}", folder.Root, [.. folder.Files.Select(folder.FullPath)]);

    static IEnumerable<Part> Parts(
        SplitVit split,
        SplitVit? unedited,
        ImagePaths images,
        Preprocessing preprocessing,
        IProgress<int>? progress,
        CancellationToken cancellation
    )
    {
        int done = 0;
        int used = 0;
        Problem? reason = null;
        if (
            unedited is { Model.Config: var config }
            && (config.ImageSize != split.Model.Config.ImageSize || config.Classes != split.Model.Config.Classes)
        )
        {
            throw BadInput.Mismatch(
                null,
                $"The unedited model takes images of {config.ImageSize} pixels and has {config.Classes} classes, "
                    + $"the edited one {split.Model.Config.ImageSize} and {split.Model.Config.Classes}; name the "
                    + "model that was edited."
            );
        }
        foreach (string[] chunk in images.Paths.Chunk(VitCost.Of(split.Model.Config).ImagesTogether(Chunk)))
        {
            cancellation.ThrowIfCancellationRequested();
            int first = done;
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable(chunk, preprocessing);
            using (pixels)
                yield return new Part(
                    loaded.Count > 0 ? split.Prefix(pixels) : null,
                    loaded.Count > 0 ? Predict(unedited, pixels) : null,
                    [.. loaded.Select(i => first + i)],
                    [.. failed.Select(f => (first + f.Index, f.Why))]
                );
            used += loaded.Count;
            reason ??= failed.Count > 0 ? failed[0].Why : null;
            progress?.Report(done += chunk.Length);
        }
        if (used == 0)
            throw BadInput.Missing(
                images.Subject,
                $"None of the {images.Paths.Count} {images.What} can be decoded; the first: {reason?.Message}",
                reason?.Remedy
            );
    }

    static int[]? Predict(SplitVit? model, Tensor pixels)
    {
        if (model is null)
            return null;
        using PrefixState state = model.Prefix(pixels);
        return model.Predict(state);
    }

    /// <summary>Some of the files, with their places among all.</summary>
    sealed record Part(
        PrefixState? State,
        int[]? Said,
        IReadOnlyList<int> Loaded,
        IReadOnlyList<(int File, Problem Why)> Failed
    );

    /// <summary>Files to load.</summary>
    /// <param name="What">What they are, in the plural, for a message.</param>
    /// <param name="Subject">Where they lie; null where that is no one folder.</param>
    /// <param name="Paths">The files.</param>
    internal sealed record ImagePaths(string What, string? Subject, IReadOnlyList<string> Paths);
}
