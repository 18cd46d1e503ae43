using System.Globalization;
using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The second moments E[k·kᵀ] of the keys of every FFN behind the cut on ordinary images, over all tokens
/// (<c>blocks.N.all [H,H]</c>) and over [CLS] alone (<c>blocks.N.cls [H,H]</c>): what <see cref="Rome"/> and
/// <see cref="AlphaEdit"/> keep their change away from. A key is what fc2 reads. Of the last block [CLS] alone
/// reaches the classifier, so its two moments are the same.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
public sealed class KeyStatistics(int most = 1000) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "keys";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(SplitVit split, PreparationImages images, string? checkpoint = null, IProgress<PreparationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        int first = split.Space.FirstBlock, depth = split.Model.Config.Depth;
        Dictionary<string, Tensor> sums = [];
        foreach (string name in Enumerable.Range(first, depth - first).SelectMany(i => (string[])[All(i), Class(i)]))
            sums[name] = zeros([split.Space.Hidden, split.Space.Hidden], ScalarType.Float64);
        long used = 0;
        Dictionary<string, long> counts = sums.Keys.ToDictionary(n => n, _ => 0L);
        Suffix suffix = new(split, visit: (point, block, value) =>
        {
            if (point == SuffixPoint.Activation)
            {
                Add(All(block), value.reshape(-1, value.shape[2]));
                Add(Class(block), value.select(1, 0));
            }
            return value;
        });
        foreach (PrefixState state in images.States(split, most, progress, cancellation))
        {
            using (state)
            using (NewDisposeScope())
            {
                suffix.Logits(state);
                used += state.Images;
            }
        }
        Dictionary<string, Tensor> moments = sums.ToDictionary(s => s.Key, s => (s.Value / counts[s.Key]).to(ScalarType.Float32));
        return new Preparation(Name, split, new Dictionary<string, string> { ["images"] = used.ToString(CultureInfo.InvariantCulture) }, moments);

        void Add(string name, Tensor keys)
        {
            sums[name].add_(mm(keys.t(), keys));
            counts[name] += keys.shape[0];
        }
    }

    /// <summary>A mixture of the two moments of a block: share·cls + (1 − share)·all. The caller disposes it.</summary>
    internal static Tensor Moment(Preparation keys, int block, double classShare)
    {
        using DisposeScope scope = NewDisposeScope();
        return (keys[Class(block)] * classShare + keys[All(block)] * (1 - classShare)).MoveToOuterDisposeScope();
    }

    static string All(int block) => $"blocks.{block}.all";

    static string Class(int block) => $"blocks.{block}.cls";
}
