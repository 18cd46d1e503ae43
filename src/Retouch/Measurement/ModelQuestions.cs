using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>
/// Asks a model about image files, a few in memory at a time; those that cannot be decoded are noted and left out.
/// </summary>
/// <param name="split">The model.</param>
/// <param name="preprocessing">How images are made into pixels.</param>
/// <param name="skipped">Gets why an image was left out.</param>
/// <param name="progress">Told the number of images done over all questions, or null to ignore.</param>
/// <param name="cancellation">Stops between chunks.</param>
sealed class ModelQuestions(
    SplitVit split,
    Preprocessing preprocessing,
    List<Problem> skipped,
    IProgress<int>? progress,
    CancellationToken cancellation
)
{
    readonly int _together = VitCost.Of(split.Model.Config).ImagesTogether(16);
    int _done;

    /// <summary>Which chunks of files are asked about, by their number; all of them if nothing else is said.</summary>
    public Func<int, bool> Takes { get; init; } = _ => true;

    /// <summary>Asks about files; <paramref name="tell"/> gets each one's place and the answer, in order.</summary>
    public void Ask(string[] paths, Action<int, ModelAnswer> tell)
    {
        for (int start = 0; start < paths.Length; start += _together)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Takes(start / _together))
                continue;
            using DisposeScope scope = NewDisposeScope();
            string[] chunk = [.. paths.Skip(start).Take(_together)];
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable(chunk, preprocessing);
            skipped.AddRange(failed.Select(f => f.Why));
            if (loaded.Count > 0)
            {
                using PrefixState state = split.Prefix(pixels);
                IReadOnlyList<ModelAnswer> answers = ModelAnswer.Of(split.Logits(state));
                for (int i = 0; i < loaded.Count; i++)
                    tell(start + loaded[i], answers[i]);
            }
            progress?.Report(_done += chunk.Length);
        }
    }
}
