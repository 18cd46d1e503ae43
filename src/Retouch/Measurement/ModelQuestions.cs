using Retouch.Data;
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
/// <param name="index">What is known, which is not asked, and to which answers are added; null for nothing.</param>
sealed class ModelQuestions(
    SplitVit split,
    Preprocessing preprocessing,
    List<Problem> skipped,
    IProgress<int>? progress,
    CancellationToken cancellation,
    AnswerIndex? index = null
)
{
    readonly IndexedQuestions? _indexed = index is null
        ? null
        : new(new ComparedModels(split.Model, preprocessing), index);

    readonly int _together = VitCost.Of(split.Model.Config).ImagesTogether(16);
    int _done;

    /// <summary>Which chunks of files are asked about, by their number; all of them if nothing else is said.</summary>
    public Func<int, bool> Takes { get; init; } = _ => true;

    /// <summary>The hash of an image's bytes.</summary>
    /// <exception cref="BadInputException">It cannot be read.</exception>
    public string Hash(string path) => index?.HashOf(path) ?? ImageRoots.Hash(path);

    /// <summary>Asks about files; <paramref name="tell"/> gets each one's place and the answer, in order.</summary>
    /// <exception cref="OperationCanceledException">
    /// The work was cancelled; where something is kept, the message says where.
    /// </exception>
    public void Ask(IReadOnlyList<string> paths, Action<int, ModelAnswer> tell)
    {
        try
        {
            AskAll(paths, tell);
            index?.Flush(now: true);
        }
        catch (OperationCanceledException e) when (index is not null)
        {
            index.Flush(now: true);
            throw new OperationCanceledException(
                $"interrupted; what was said of images so far is kept in {index.Folder}, and the same command goes on "
                    + "there.",
                e,
                cancellation
            );
        }
    }

    void AskAll(IReadOnlyList<string> paths, Action<int, ModelAnswer> tell)
    {
        int together = _indexed?.Together ?? _together;
        for (int start = 0; start < paths.Count; start += together)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Takes(start / together))
                continue;
            string[] chunk = new string[Math.Min(together, paths.Count - start)];
            for (int i = 0; i < chunk.Length; i++)
                chunk[i] = paths[start + i];
            if (_indexed is null)
                AskModel(chunk, start, tell);
            else
                AskIndex(chunk, start, tell);
            progress?.Report(_done += chunk.Length);
        }
    }

    void AskModel(string[] chunk, int start, Action<int, ModelAnswer> tell)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
            ImageLoader.LoadAvailable(chunk, preprocessing);
        skipped.AddRange(failed.Select(f => f.Why));
        if (loaded.Count == 0)
            return;
        using PrefixState state = split.Prefix(pixels);
        IReadOnlyList<ModelAnswer> answers = ModelAnswer.Of(split.Logits(state));
        for (int i = 0; i < loaded.Count; i++)
            tell(start + loaded[i], answers[i]);
    }

    void AskIndex(string[] chunk, int start, Action<int, ModelAnswer> tell)
    {
        foreach ((int i, ComparedStored said) in _indexed!.Ask(chunk, cancellation).Index())
        {
            if (said.After is { } answer)
                tell(start + i, answer.Answer);
            else
                skipped.Add(said.Problem!);
        }
    }
}
