using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Retouch.Images;

/// <summary>Reads many image files at once into the tensor that a model takes.</summary>
public static class ImageLoader
{
    /// <summary>
    /// Decodes and preprocesses the files on all cores into one tensor [B, 3, S, S], float32, in the order given.
    /// Beside the tensor, memory holds one decoded image a core, as many as <see cref="ReadingBudget"/> lets. The
    /// caller disposes it.
    /// </summary>
    /// <exception cref="BadInputException">
    /// There is no file, or one cannot be used: the first such, in the order given.
    /// </exception>
    public static Tensor LoadBatch(IReadOnlyList<string> paths, Preprocessing preprocessing)
    {
        if (paths.Count == 0)
        {
            throw BadInput.Missing(null, "There is no image to load: name one image file or more.");
        }
        (float[] batch, Exception?[] failures) = Load(paths, preprocessing, null, stopAtFailure: true);
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }
        return preprocessing.ToTensor(batch);
    }

    /// <summary>The same, leaving out files that cannot be used instead of failing on them.</summary>
    /// <returns>
    /// The pixels of the files that could be used, [N, 3, S, S], which the caller disposes; the places of
    /// these files among <paramref name="paths"/>; and the places of the others, each with the reason.
    /// </returns>
    public static (
        Tensor Pixels,
        IReadOnlyList<int> Loaded,
        IReadOnlyList<(int Index, Problem Why)> Failed
    ) LoadAvailable(IReadOnlyList<string> paths, Preprocessing preprocessing) =>
        LoadAvailable(paths, preprocessing, null);

    /// <summary>The same of images that are changed at their own size before the preprocessing.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="preprocessing">How they are made into pixels.</param>
    /// <param name="change">
    /// Changes an image, whose place among the files it gets; called by several threads. Null for no change.
    /// </param>
    internal static (
        Tensor Pixels,
        IReadOnlyList<int> Loaded,
        IReadOnlyList<(int Index, Problem Why)> Failed
    ) LoadAvailable(IReadOnlyList<string> paths, Preprocessing preprocessing, Func<int, RgbImage, RgbImage>? change)
    {
        (float[] batch, Exception?[] failures) = Load(paths, preprocessing, change, stopAtFailure: false);
        if (failures.FirstOrDefault(failure => failure is not (null or BadInputException)) is { } unexpected)
        {
            ExceptionDispatchInfo.Throw(unexpected);
        }
        int[] loaded = [.. Enumerable.Range(0, paths.Count).Where(i => failures[i] is null)];
        (int, Problem)[] failed =
        [
            .. Enumerable
                .Range(0, paths.Count)
                .Where(i => failures[i] is not null)
                .Select(i => (i, ((BadInputException)failures[i]!).Problem)),
        ];
        if (failed.Length > 0)
        {
            int size = batch.Length / Math.Max(paths.Count, 1);
            for (int i = 0; i < loaded.Length; i++)
            {
                Array.Copy(batch, loaded[i] * (long)size, batch, i * (long)size, size);
            }
            Array.Resize(ref batch, loaded.Length * size);
        }
        return (preprocessing.ToTensor(batch), loaded, failed);
    }

    static (float[] Batch, Exception?[] Failures) Load(
        IReadOnlyList<string> paths,
        Preprocessing preprocessing,
        Func<int, RgbImage, RgbImage>? change,
        bool stopAtFailure
    )
    {
        float[] batch = preprocessing.NewBatch(paths.Count);
        float[] table = preprocessing.NormalizedLevels();
        Exception?[] failures = new Exception?[paths.Count];
        Parallel.For(
            0,
            paths.Count,
            ReadingBudget.Parallelism,
            (i, loop) =>
            {
                try
                {
                    RgbImage image = change is null
                        ? preprocessing.Load(paths[i])
                        : preprocessing.Load(paths[i], whole => change(i, whole));
                    preprocessing.WriteNormalized(image, table, batch, i);
                }
                catch (Exception e)
                {
                    failures[i] = e;
                    // Unlike Stop, Break lets the images before this one finish, so which failure is reported does not
                    // depend on timing.
                    if (stopAtFailure)
                    {
                        loop.Break();
                    }
                }
            }
        );
        return (batch, failures);
    }
}
