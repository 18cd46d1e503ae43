using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// For each hidden unit of the edit space's FFNs the share of ordinary images whose knowledge neuron it is
/// (<c>shares [blocks,H]</c>): what <see cref="KnowledgeNeurons"/> leaves out because it serves many images.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
/// <param name="points">Points of each integral.</param>
/// <param name="threshold">The share of the greatest attribution above which a unit is a knowledge neuron.</param>
sealed class NeuronStatistics(int most = 100, int points = 8, double threshold = 0.2) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "neurons";

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
        Tensor counts = zeros([split.Space.Blocks, split.Space.Hidden]);
        int used = 0;
        foreach (PrefixState states in images.States(split, most, progress, cancellation: cancellation))
        {
            using PrefixState all = states;
            using DisposeScope each = NewDisposeScope();
            long[] predictions = split.Logits(all).argmax(1).cpu().data<long>().ToArray();
            for (int i = 0; i < all.Images; i++, used++)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope image = NewDisposeScope();
                using PrefixState state = all.Select([i]);
                (Tensor attributions, _) = KnowledgeNeurons.Attribute(split, state, (int)predictions[i], points);
                counts.Plus_(attributions.ge(attributions.max() * Held(threshold)).to(ScalarType.Float32));
            }
        }
        return new Preparation(
            Name,
            split,
            new Dictionary<string, string>
            {
                ["images"] = used.ToString(CultureInfo.InvariantCulture),
                ["points"] = points.ToString(CultureInfo.InvariantCulture),
                ["threshold"] = SettingCheck.Text(threshold),
            },
            new Dictionary<string, Tensor> { ["shares"] = counts / Held(used) }
        );
    }
}
