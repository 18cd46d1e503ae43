using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Fine-tuning of all weight matrices of a window of attention modules: queries, keys, values and output projections,
/// biases excluded.
/// </summary>
/// <remarks>
/// What "Learning Where to Edit Vision Transformers" (NeurIPS 2024, section 3.2 and figure 2) compares windows of
/// FFNs with: the same cross-entropy, RMSprop and stop as <see cref="MaskedFineTuning"/>, without a mask. The model
/// must be cut before the window's first attention.
/// </remarks>
public sealed class AttentionFineTuning : IEditor
{
    readonly int _first;
    readonly int _blocks;
    readonly MaskedFineTuningSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="firstBlock">The window's first block, zero-based.</param>
    /// <param name="blocks">The number of its blocks, at least 1.</param>
    /// <param name="settings">
    /// Step size, steps and stop; the keep ratio has no say. Null for the published ones.
    /// </param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public AttentionFineTuning(int firstBlock, int blocks, MaskedFineTuningSettings? settings = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstBlock);
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        (_first, _blocks, _settings) = (firstBlock, blocks, settings ?? new());
        _settings.Validate();
    }

    /// <inheritdoc/>
    public string Name => "ft-attention";

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (_first <= split.Space.FirstBlock || _first + _blocks > split.Model.Config.Depth)
            throw BadInput.Unsupported(
                null,
                $"The attention of blocks {_first} to {_first + _blocks - 1} cannot be edited where the model is cut "
                    + $"in block {split.Space.FirstBlock}; blocks {split.Space.FirstBlock + 1} to "
                    + $"{split.Model.Config.Depth - 1} can."
            );
        return Edits.OneByOne(failures, failure => Edit(split, failure, progress, cancellation), cancellation);
    }

    EditResult Edit(SplitVit split, Failure failure, IProgress<EditProgress>? progress, CancellationToken cancellation)
    {
        VitModel model = split.Model;
        string[] names =
        [
            .. Enumerable
                .Range(_first, _blocks)
                .SelectMany(i =>
                    (string[])[VitNames.Block(i, "attn.qkv.weight"), VitNames.Block(i, "attn.proj.weight")]
                ),
        ];
        using DisposeScope scope = NewDisposeScope();
        Tensor[] deltas = [.. names.Select(n => zeros_like(model.Tensors[n]).requires_grad_())];
        Tensor[] squares = [.. names.Select(n => zeros_like(model.Tensors[n]))];
        (int steps, List<float> losses) = LeafDescent.Run(
            deltas,
            [failure.Label],
            () =>
                (
                    new AutogradSuffix(
                        split,
                        names.Index().ToDictionary(n => n.Item, n => model.Tensors[n.Item].Plus(deltas[n.Index]))
                    ).Logits(failure.State),
                    null
                ),
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation,
            update: Step
        );
        using IDisposable noGrad = no_grad();
        TensorDelta delta = new(
            split.Space,
            names.Index().ToDictionary(n => n.Item, n => TensorChange.Add(deltas[n.Index].detach()))
        );
        return Edits.Result(split, failure, delta, Name, Describe(), _settings.Seed, steps, losses);

        void Step(IReadOnlyList<Tensor> gradients)
        {
            using DisposeScope each = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            RmsProp optimizer = new(_settings.Alpha, _settings.Epsilon);
            for (int i = 0; i < deltas.Length; i++)
                optimizer.Step(deltas[i], gradients[i], squares[i], _settings.LearningRate);
        }
    }

    SortedDictionary<string, string> Describe()
    {
        SortedDictionary<string, string> settings = _settings.Provenance();
        settings.Remove("keep");
        settings.Remove("locator");
        settings["blocks"] = $"{_first}-{_first + _blocks - 1}";
        return settings;
    }
}
