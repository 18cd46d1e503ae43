using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>What all editors do around their algorithm.</summary>
static class Edits
{
    /// <summary>One edit after another; what is done is freed if a later one fails.</summary>
    public static IReadOnlyList<EditResult> OneByOne(
        IReadOnlyList<Failure> failures,
        Func<Failure, EditResult> edit,
        CancellationToken cancellation
    )
    {
        List<EditResult> results = [];
        try
        {
            foreach (Failure failure in failures)
            {
                cancellation.ThrowIfCancellationRequested();
                results.Add(edit(failure));
            }
            return results;
        }
        catch
        {
            results.ForEach(r => r.Dispose());
            throw;
        }
    }

    /// <summary>
    /// The result of an edit, taking ownership of <paramref name="change"/>, <paramref name="keys"/> and
    /// <paramref name="tokens"/> (<see cref="Patch.Tokens"/>); without <paramref name="success"/> it is found out.
    /// </summary>
    public static EditResult Result(
        SplitVit split,
        Failure failure,
        ModelDelta change,
        string method,
        IReadOnlyDictionary<string, string> settings,
        int seed,
        int steps,
        IReadOnlyList<float> losses,
        bool? success = null,
        IReadOnlyList<CodebookEntry>? codebook = null,
        IReadOnlyDictionary<string, Tensor>? keys = null,
        Tensor? tokens = null
    ) =>
        new(
            new Patch(
                change,
                new PatchProvenance
                {
                    ModelFingerprint = split.Model.Fingerprint,
                    Images = failure.Labels is not { } labels
                        ? failure.Images
                        : [.. failure.Images.Select((image, i) => image with { Label = labels[i] })],
                    Label = failure.Label,
                    Method = method,
                    Settings =
                        split.Precision != Precision.Mixed
                            ? settings
                            : new Dictionary<string, string>(settings) { ["precision"] = "bfloat16" },
                    Seed = seed,
                    Codebook = codebook ?? [],
                    Measurements = new PatchMeasurements
                    {
                        Success = success ?? Corrects(split, failure, change),
                        Steps = steps,
                    },
                }
            )
            {
                Tokens = tokens?.DetachFromDisposeScope(),
                Keys = keys ?? new Dictionary<string, Tensor>(),
            },
            losses
        );

    /// <summary>The block that a setting names, or the edit space's last.</summary>
    /// <exception cref="BadInputException">It does not stand after the cut.</exception>
    public static int BlockOrLast(SplitVit split, int? block)
    {
        int last = split.Model.Config.Depth - 1;
        return block is null ? split.Space.LastBlock
            : block >= split.Space.FirstBlock && block <= last ? block.Value
            : throw BadInput.OutOfRange(
                null,
                $"Block {block} cannot be edited; it must be from {split.Space.FirstBlock} to {last}."
            );
    }

    /// <summary>Whether every image of a failure gets its label.</summary>
    public static bool Corrects(SplitVit split, Failure failure, ModelDelta change)
    {
        using Tensor logits = split.Logits(failure.State, change);
        return failure.Labels is null ? IsRight(logits, failure.Label) : IsRight(logits, failure.EachLabel);
    }

    /// <summary>Whether every row of logits <c>[S,C]</c> is greatest at its label, or at one that all have.</summary>
    public static bool IsRight(Tensor logits, long[] labels)
    {
        if (labels is [long one])
            return IsRight(logits, (int)one);
        using DisposeScope scope = NewDisposeScope();
        return logits.argmax(1).eq(tensor(labels, device: logits.device)).all().item<bool>();
    }

    /// <summary>Whether every row of logits <c>[S,C]</c> is greatest at the label.</summary>
    public static bool IsRight(Tensor logits, int label)
    {
        using DisposeScope scope = NewDisposeScope();
        return logits.argmax(1).eq(Held(label)).all().item<bool>();
    }
}
