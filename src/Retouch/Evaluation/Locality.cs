using Retouch.Images;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Evaluation;

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
    /// <param name="progress">Told the number of files done; null for nobody.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>The measurement, the files it speaks of (in its order), and those that could not be decoded, with the reason.</returns>
    /// <exception cref="BadInputException">No image of the folder can be decoded.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static (LocalityMeasurement Measurement, IReadOnlyList<string> Files, IReadOnlyList<(string File, string Why)> Skipped) Measure(
        SplitVit split, ModelDelta delta, ImageFolder folder, Preprocessing preprocessing, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        List<string> files = [];
        List<(string, string)> skipped = [];
        List<PredictionChange> changes = [];
        int done = 0;
        foreach (string[] chunk in folder.Files.Chunk(Chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, string Why)> failed) = ImageLoader.LoadAvailable([.. chunk.Select(folder.FullPath)], preprocessing);
            skipped.AddRange(failed.Select(f => (chunk[f.Index], f.Why)));
            using (pixels)
            {
                if (loaded.Count > 0)
                {
                    using LocalitySet set = new(split, split.Prefix(pixels));
                    changes.AddRange(set.Measure(delta).Changed.Select(c => c with { Image = c.Image + files.Count }));
                    files.AddRange(loaded.Select(i => chunk[i]));
                }
            }
            progress?.Report(done += chunk.Length);
        }
        if (files.Count == 0)
            throw new BadInputException($"None of the {folder.Files.Count} images in {folder.Root} can be decoded; the first: {skipped[0].Item2}");
        return (new LocalityMeasurement(files.Count, changes), files, skipped);
    }
}
