using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The second moments E[k·kᵀ] of the keys of every FFN after the cut on ordinary images, over all tokens
/// (<c>blocks.N.all [H,H]</c>) and over [CLS] alone (<c>blocks.N.cls [H,H]</c>): what <see cref="Rome"/> and
/// <see cref="AlphaEdit"/> keep their change away from. A key is what fc2 reads. Of the last block [CLS] alone
/// reaches the classifier, so its two moments are the same.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
sealed class KeyStatistics(int most = 1000) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "keys";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        split.Model.Config.RequireClassToken("What is prepared here");
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        int first = split.Space.FirstBlock;
        EditSpace all = new(split.Model.Config, first, split.Model.Config.Depth - first);
        MatrixProbe probe = new(all);
        AutogradSuffix suffix = new(split, visit: probe.Visit);
        using MomentSums gathered = MomentSums.Gather(
            Name,
            settings,
            split,
            images,
            most,
            (sums, state) =>
            {
                suffix.Logits(state);
                foreach (EditMatrix matrix in all.InOrder.Where(m => m.Kind == FfnMatrix.Fc2))
                {
                    Tensor keys = probe.Inputs[matrix.Index];
                    sums.Add(All(matrix.Block), keys.reshape(-1, keys.shape[2]));
                    sums.Add(Class(matrix.Block), keys.select(1, 0));
                }
            },
            checkpoint,
            progress,
            cancellation
        );
        settings["images"] = gathered.Images.ToString(CultureInfo.InvariantCulture);
        return new Preparation(
            Name,
            split,
            settings,
            Enumerable
                .Range(first, split.Model.Config.Depth - first)
                .SelectMany(i => (string[])[All(i), Class(i)])
                .ToDictionary(n => n, n => gathered.Moment(n).to(ScalarType.Float32))
        );
    }

    /// <summary>A mixture of the two moments of a block: share·cls + (1 − share)·all. The caller disposes it.</summary>
    internal static Tensor Moment(Preparation keys, int block, long hidden, double classShare)
    {
        using DisposeScope scope = NewDisposeScope();
        return (Of(Class(block)) * Held(classShare))
            .Plus(Of(All(block)) * Held(1 - classShare))
            .MoveToOuterDisposeScope();

        Tensor Of(string name) => keys.Shaped(name, hidden, hidden).to(ScalarType.Float32);
    }

    static string All(int block) => $"blocks.{block}.all";

    static string Class(int block) => $"blocks.{block}.cls";
}
