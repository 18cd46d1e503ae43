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
        (After, Before) = (after, before);
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

    /// <summary>The model.</summary>
    public VitModel After { get; }

    /// <summary>The model that it is compared with; null for none.</summary>
    public VitModel? Before { get; }

    /// <summary>How images are made into the model's pixels.</summary>
    public Preprocessing Preprocessing => _preprocessing;

    /// <summary>How images are made into the other model's pixels.</summary>
    public Preprocessing PreprocessingBefore => _preprocessingBefore;

    /// <summary>How many files are asked about at once.</summary>
    public int Together { get; }

    /// <summary>Where the two models begin to differ; null where they share nothing.</summary>
    public EditSpace? Shared { get; }

    /// <summary>Asks about files, of which some may be left out since they cannot be decoded.</summary>
    /// <param name="paths">The files, at most <see cref="Together"/>.</param>
    /// <returns>An answer a file, in their order.</returns>
    public ComparedAnswer[] Ask(string[] paths) => Array.ConvertAll(AskStored(paths), a => a.Ranked);

    /// <summary>The same as an index keeps it.</summary>
    public ComparedStored[] AskStored(string[] paths)
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
        ComparedStored[] answers = new ComparedStored[paths.Length];
        foreach ((int index, Problem why) in failed)
            answers[index] = new ComparedStored(null, null, why);
        if (loaded.Count == 0)
            return answers;
        (StoredAnswer[] after, StoredAnswer[]? before) = Answers(
            pixels,
            alike ? pixels
                : decodedOnce ? _preprocessingBefore.ToTensor([.. loaded.Select(i => others[i]!)])
                : ImageLoader.LoadBatch([.. loaded.Select(i => paths[i])], _preprocessingBefore)
        );
        for (int i = 0; i < loaded.Count; i++)
            answers[loaded[i]] = new ComparedStored(after[i], before?[i], null);
        return answers;
    }

    (StoredAnswer[] After, StoredAnswer[]? Before) Answers(Tensor pixels, Tensor pixelsBefore)
    {
        if (_before is null)
        {
            using PrefixState alone = _after.Prefix(pixels);
            return (StoredAnswer.Of(_after.Logits(alone)), null);
        }
        using PrefixState before = _before.Prefix(pixelsBefore);
        StoredAnswer[] said = StoredAnswer.Of(_before.Logits(before));
        using PrefixState after = Shared is null ? _after.Prefix(pixels) : _after.Rebase(before);
        return (StoredAnswer.Of(_after.Logits(after)), said);
    }
}
