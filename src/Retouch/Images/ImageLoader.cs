using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Retouch.Images;

/// <summary>Reads many image files at once into the tensor that a model takes.</summary>
public static class ImageLoader
{
    /// <summary>
    /// Decodes and preprocesses the files on all cores into one tensor [B, 3, S, S], float32, in the
    /// order given. Beside the tensor, memory holds one decoded image a core. The caller disposes it.
    /// </summary>
    /// <exception cref="BadInputException">There is no file, or one cannot be used: the first such, in the order given.</exception>
    public static Tensor LoadBatch(IReadOnlyList<string> paths, Preprocessing preprocessing)
    {
        if (paths.Count == 0)
        {
            throw new BadInputException("There is no image to load: name one image file or more.");
        }
        float[] batch = preprocessing.NewBatch(paths.Count);
        float[] table = preprocessing.NormalizedLevels();
        Exception?[] failures = new Exception?[paths.Count];
        ParallelOptions options = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, paths.Count, options, (i, loop) =>
        {
            try
            {
                preprocessing.WriteNormalized(preprocessing.Apply(ImageDecoder.Load(paths[i])), table, batch, i);
            }
            catch (Exception e)
            {
                failures[i] = e;
                // Unlike Stop, Break lets the images before this one finish, so which failure is reported does not depend on timing.
                loop.Break();
            }
        });
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }
        return preprocessing.ToTensor(batch);
    }
}
