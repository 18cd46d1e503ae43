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
        foreach (
            (
                PrefixState? state,
                int[]? said,
                IReadOnlyList<string> loaded,
                IReadOnlyList<(string, Problem)> failed
            ) in Chunks(split, unedited, folder, preprocessing, progress, cancellation)
        )
        {
            skipped.AddRange(failed);
            if (state is null)
                continue;
            using LocalitySet set = new(split, PrefixStore.Of(state), said);
            changes.AddRange(set.Measure(delta).Changed.Select(c => c with { Image = c.Image + files.Count }));
            before.AddRange(set.Predictions);
            files.AddRange(loaded);
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
        List<string> files = [];
        List<(string, Problem)> skipped = [];
        PrefixStore states = new(memory);
        List<PrefixState> together = [];
        List<int>? predictions = unedited is null ? null : [];
        try
        {
            foreach (
                (
                    PrefixState? state,
                    int[]? said,
                    IReadOnlyList<string> loaded,
                    IReadOnlyList<(string, Problem)> failed
                ) in Chunks(split, unedited, folder, preprocessing, progress, cancellation)
            )
            {
                predictions?.AddRange(said ?? []);
                if (state is not null)
                    together.Add(state);
                if (together.Sum(s => s.Images) >= PrefixStore.Together)
                    states.Add(together);
                files.AddRange(loaded);
                skipped.AddRange(failed);
            }
            if (together.Count > 0)
                states.Add(together);
            return (new LocalitySet(split, states, predictions), files, skipped);
        }
        catch
        {
            together.ForEach(s => s.Dispose());
            states.Dispose();
            throw;
        }
    }

    static IEnumerable<(
        PrefixState? State,
        int[]? Said,
        IReadOnlyList<string> Loaded,
        IReadOnlyList<(string File, Problem Why)> Failed
    )> Chunks(
        SplitVit split,
        SplitVit? unedited,
        ImageFolder folder,
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
        foreach (string[] chunk in folder.Files.Chunk(VitCost.Of(split.Model.Config).ImagesTogether(Chunk)))
        {
            cancellation.ThrowIfCancellationRequested();
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable([.. chunk.Select(folder.FullPath)], preprocessing);
            using (pixels)
                yield return (
                    loaded.Count > 0 ? split.Prefix(pixels) : null,
                    loaded.Count > 0 ? Predict(unedited, pixels) : null,
                    [.. loaded.Select(i => chunk[i])],
                    [.. failed.Select(f => (chunk[f.Index], f.Why))]
                );
            used += loaded.Count;
            reason ??= failed.Count > 0 ? failed[0].Why : null;
            progress?.Report(done += chunk.Length);
        }
        if (used == 0)
            throw BadInput.Missing(
                folder.Root,
                $"None of the {folder.Files.Count} images in {folder.Root} can be decoded; the first: "
                    + $"{reason?.Message}",
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
}
