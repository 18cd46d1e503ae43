using System.Runtime.InteropServices;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>Rank-one model editing: one fc2 learns that one key shall give one value.</summary>
/// <remarks>
/// Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022. With the key k* and the wanted
/// value v* (equation 4, <see cref="WantedValue"/>): W' = W + Λ·(C⁻¹k*)ᵀ with Λ = (v* − W·k*) / ((C⁻¹k*)ᵀ·k*)
/// (equation 2), where C is the second moment of the keys of ordinary images (<see cref="KeyStatistics"/>).
/// Open for ViTs: the fact is the image, its key the [CLS] token's (of several images their mean, and one
/// change of value for all). The block and the keys that C counts are settings.
/// </remarks>
public sealed class Rome : IEditor
{
    readonly Preparation _keys;
    readonly RomeSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="keys">What <see cref="KeyStatistics"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Rome(Preparation keys, RomeSettings? settings = null)
    {
        (_keys, _settings) = (keys, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<RomeSettings>(
            "rome",
            "a rank-one change of one fc2: one key, one value",
            "Meng et al., Locating and Editing Factual Associations in GPT, NeurIPS 2022",
            (settings, resources) => new Rome(resources.Preparation(KeyStatistics.Kind), settings)
        )
        {
            OneClass = "it puts one value to one key",
            ShortName = "ROME",
            NewPreparation = () => new KeyStatistics(),
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        _keys.Require(KeyStatistics.Kind, split);
        int block = Edits.BlockOrLast(split, _settings.Block);
        using DisposeScope scope = NewDisposeScope();
        Tensor moment = KeyStatistics.Moment(_keys, block, split.Space.Hidden, _settings.ClassShare);
        moment.diagonal().Plus_(moment.diagonal().mean() * Held(_settings.Ridge));
        Tensor factor = Factor(moment, block); // C = L·Lᵀ
        return Edits.OneByOne(
            failures,
            failure =>
            {
                using DisposeScope each = NewDisposeScope();
                WantedValue wanted = WantedValue.Find(
                    split,
                    failure,
                    block,
                    shared: true,
                    _settings.Value,
                    progress,
                    cancellation
                );
                Tensor key = wanted.Keys.mean([0], keepdim: true).t(); // k* [H,1]
                Tensor direction = cholesky_solve(key, factor.to(key.device)); // C⁻¹k* [H,1]
                Tensor value = wanted.Changes.narrow(0, 0, 1).t() / mm(direction.t(), key); // Λ [D,1]
                TensorDelta delta = new(
                    split.Space,
                    new Dictionary<string, TensorChange>
                    {
                        [VitNames.Block(block, "mlp.fc2.weight")] = TensorChange.AddProduct(value, direction.t()),
                    }
                );
                return Edits.Result(
                    split,
                    failure,
                    delta,
                    Name,
                    RomeSettings.Table.Describe(_settings with { Block = block }),
                    0,
                    wanted.Steps,
                    wanted.Losses
                );
            },
            cancellation
        );
    }

    static Tensor Factor(Tensor moment, int block)
    {
        try
        {
            return linalg.cholesky(moment);
        }
        catch (ExternalException e)
        {
            throw BadInput.Damaged(
                null,
                $"The keys' moment of block {block} is none: it is not positive definite, whatever is added to it. "
                    + $"Make the preparation '{KeyStatistics.Kind}' again, or use a larger ridge.",
                cause: e
            );
        }
    }
}
