using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>
/// Asks a model, and one that it is compared with, about image files. Each file is decoded once, and as far as the two
/// models are the same they are run once. Owns nothing.
/// </summary>
sealed class ComparedModels
{
    // As many as the models take at once: more would only make an interrupt wait longer.
    const int Usual = 16;

    readonly SplitVit _after;
    readonly SplitVit? _before;
    readonly Preprocessing _preprocessing;
    readonly Preprocessing _preprocessingBefore;

    /// <summary>Cuts the models where they begin to differ.</summary>
    /// <param name="after">The model.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="before">The model that it is compared with; null for none.</param>
    /// <param name="preprocessingBefore">How images are made into its pixels; null as for the other.</param>
    public ComparedModels(
        VitModel after,
        Preprocessing preprocessing,
        VitModel? before = null,
        Preprocessing? preprocessingBefore = null
    )
    {
        (_preprocessing, _preprocessingBefore) = (preprocessing, preprocessingBefore ?? preprocessing);
        if (before is not null && _preprocessing == _preprocessingBefore)
            Shared = SharedPrefix.Of(before, after);
        _after = Shared is null ? new SplitVit(after) : new SplitVit(after, Shared);
        _before =
            before is null ? null
            : Shared is null ? new SplitVit(before)
            : new SplitVit(before, Shared);
        Together = VitCost.Of(after.Config).ImagesTogether(Usual);
        if (before is not null)
            Together = Math.Min(Together, VitCost.Of(before.Config).ImagesTogether(Usual));
    }

    /// <summary>How many files are asked about at once.</summary>
    public int Together { get; }

    /// <summary>Where the two models begin to differ; null where they share nothing.</summary>
    public EditSpace? Shared { get; }

    /// <summary>Asks about files, of which some may be left out since they cannot be decoded.</summary>
    /// <param name="paths">The files, at most <see cref="Together"/>.</param>
    /// <returns>An answer a file, in their order.</returns>
    public ComparedAnswer[] Ask(string[] paths)
    {
        using DisposeScope scope = NewDisposeScope();
        RgbImage?[] others = new RgbImage?[paths.Length];
        bool alike = _before is null || _preprocessing == _preprocessingBefore;
        // Another crop of the same picture; one that is turned must be decoded again.
        bool decodedOnce = _preprocessing.Orientation == _preprocessingBefore.Orientation;
        (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
            ImageLoader.LoadAvailable(
                paths,
                _preprocessing,
                alike || !decodedOnce
                    ? null
                    : (i, whole) =>
                    {
                        others[i] = _preprocessingBefore.Apply(whole);
                        return whole;
                    }
            );
        ComparedAnswer[] answers = new ComparedAnswer[paths.Length];
        foreach ((int index, Problem why) in failed)
            answers[index] = new ComparedAnswer(null, null, why);
        if (loaded.Count == 0)
            return answers;
        (RankedAnswer[] after, RankedAnswer[]? before) = Answers(
            pixels,
            alike ? pixels
                : decodedOnce ? _preprocessingBefore.ToTensor([.. loaded.Select(i => others[i]!)])
                : ImageLoader.LoadBatch([.. loaded.Select(i => paths[i])], _preprocessingBefore)
        );
        for (int i = 0; i < loaded.Count; i++)
            answers[loaded[i]] = new ComparedAnswer(after[i], before?[i], null);
        return answers;
    }

    (RankedAnswer[] After, RankedAnswer[]? Before) Answers(Tensor pixels, Tensor pixelsBefore)
    {
        if (_before is null)
        {
            using PrefixState alone = _after.Prefix(pixels);
            return (Ranked(_after.Logits(alone)), null);
        }
        using PrefixState before = _before.Prefix(pixelsBefore);
        RankedAnswer[] said = Ranked(_before.Logits(before));
        using PrefixState after = Shared is null ? _after.Prefix(pixels) : _after.Rebase(before);
        return (Ranked(_after.Logits(after)), said);
    }

    static RankedAnswer[] Ranked(Tensor logits)
    {
        int width = (int)Math.Min(RankedAnswer.Length, logits.shape[1]);
        (Tensor values, Tensor indices) = special.softmax(logits, 1).topk(width);
        float[] probabilities = values.cpu().contiguous().data<float>().ToArray();
        long[] classes = indices.cpu().contiguous().data<long>().ToArray();
        RankedAnswer[] ranked = new RankedAnswer[probabilities.Length / width];
        for (int i = 0; i < ranked.Length; i++)
            ranked[i] = new RankedAnswer(
                [.. classes.AsSpan(i * width, width).ToArray().Select(c => (int)c)],
                Math.Clamp(probabilities[i * width], 0f, 1f)
            );
        return ranked;
    }
}
