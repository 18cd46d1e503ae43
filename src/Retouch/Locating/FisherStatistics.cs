using System.Globalization;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// How much each unit matters for what the model knows: <see cref="DiagonalFisher"/> on ordinary images, the mean over
/// a unit's weights (<c>fisher [matrices,H]</c>).
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
/// <param name="seed">The seed of the drawn classes.</param>
public sealed class FisherStatistics(int most = 200, int seed = 0) : IPreparation
{
    // Each image has its own copy of the six matrices and of their gradients.
    const int Batch = 4;

    /// <summary>The preparation's name.</summary>
    public const string Kind = "fisher";

    /// <summary>The tensor of a preparation that has it: <c>[matrices,H]</c>, the mean over a unit's weights.</summary>
    public const string Tensor = "fisher";

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
        int used = 0;
        using DiagonalFisher fisher = DiagonalFisher.Measure(split, Few(), seed);
        return new Preparation(
            Name,
            split,
            new Dictionary<string, string>
            {
                ["images"] = used.ToString(CultureInfo.InvariantCulture),
                ["seed"] = seed.ToString(CultureInfo.InvariantCulture),
            },
            new Dictionary<string, Tensor> { [Tensor] = stack([.. fisher.Values.Select(v => v.mean([1]))]) }
        );

        IEnumerable<PrefixState> Few()
        {
            foreach (PrefixState states in images.States(split, most, progress, cancellation: cancellation))
            {
                using PrefixState all = states;
                foreach (int[] part in Enumerable.Range(0, all.Images).Chunk(Batch))
                {
                    cancellation.ThrowIfCancellationRequested();
                    used += part.Length;
                    yield return all.Select(part);
                }
            }
        }
    }
}
