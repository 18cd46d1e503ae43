using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Transformer-Patcher: one more hidden unit in the last FFN, which speaks for the failing image and is silent
/// otherwise.
/// </summary>
/// <remarks>
/// Huang et al., "Transformer-Patcher: One Mistake Worth One Neuron", ICLR 2023. The FFN gives act(q·kₚ + bₚ)·vₚ
/// on top (equations 4 and 5); kₚ, bₚ and vₚ minimize the cross-entropy, plus the activation loss
/// exp(−qₑ·kₚ − bₚ) (equation 7), plus the memory losses S(M·kₚ + bₚ − β) and S((M − qₑ)·kₚ + γ) with S the mean
/// of the exponentials of the greatest (equations 8 to 10), M being the queries of other images
/// (<see cref="QueryMemory"/>). Open for ViTs: the query is the [CLS] token's, the only one whose last FFN the
/// classifier reads. kₚ starts in the direction that tells the image from the memory's mean, bₚ where the
/// two lie on either side, and vₚ at zero.
/// </remarks>
public sealed class TPatcher : IEditor
{
    // S may not overflow while kₚ still grows.
    const double LargestExponent = 10;

    readonly Preparation _memory;
    readonly TPatcherSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="QueryMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public TPatcher(Preparation memory, TPatcherSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<TPatcherSettings>(
            "t-patcher",
            "one more hidden unit in the last FFN",
            "Huang et al., Transformer-Patcher: One Mistake Worth One Neuron, ICLR 2023",
            (settings, resources) => new TPatcher(resources.Preparation(QueryMemory.Kind), settings)
        )
        {
            ShortName = "T-Patcher",
            Sequential = false,
            AddsUnits = true,
            NewPreparation = () => new QueryMemory(),
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
        _memory.Require(QueryMemory.Kind, split);
        using DisposeScope scope = NewDisposeScope();
        Tensor all = _memory.Shaped("queries", -1, split.Space.Width).to(ScalarType.Float32);
        long count = Math.Min(_settings.Memory, all.shape[0]);
        Tensor memory = all.index_select(
            0,
            tensor([.. Enumerable.Range(0, (int)count).Select(i => i * all.shape[0] / count)])
        ); // M [N,D]
        return Edits.OneByOne(
            failures,
            failure => Edit(split, failure, memory.to(failure.State.Residual.device), progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Failure failure,
        Tensor memory,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor query;
        Tensor after;
        Tensor key;
        Tensor bias; // qₑ [S,D], the tokens after the FFN as it is [S,D], kₚ [D], bₚ [1]
        using (no_grad())
        {
            (query, after) = QueryMemory.Query(split, failure.State);
            Tensor mean = memory.mean([0]);
            Tensor difference = query.mean([0]) - mean;
            key = difference * Held(_settings.Margin - _settings.Silence) / difference.Squared().sum();
            bias = (Held(_settings.Silence) - key.dot(mean)).reshape(1);
        }
        key.requires_grad_();
        bias.requires_grad_();
        Tensor value = zeros_like(key, requires_grad: true); // vₚ [D]
        AutogradSuffix suffix = new(split);
        Tensor? scale = split.Model.Tensors.GetValueOrDefault(
            VitNames.Block(split.Model.Config.Depth - 1, "ls2.gamma")
        );
        int loudest = (int)Math.Max(1, Math.Round(_settings.Loudest * memory.shape[0]));
        bool silent = false;
        (int steps, List<float> losses) = LeafDescent.Run(
            [key, bias, value],
            failure.Label,
            () =>
            {
                Tensor read = mv(query, key).Plus(bias);
                Tensor elsewhere = mv(memory, key).Plus(bias); // [S], [N]
                silent = elsewhere.max().item<float>() <= _settings.Silence;
                Tensor logits = suffix.Classify(
                    suffix.Readout(
                        after.Plus(VitModel.Scaled(split.Model.Activate(read).unsqueeze(1) * value, scale)).unsqueeze(1)
                    )
                );
                Tensor more = ((-read).exp().mean() * Held(_settings.ActivationWeight)).Plus(
                    Loud(elsewhere - Held(_settings.Silence))
                        .Plus(Loud(elsewhere - read.min() + Held(_settings.Margin))) * Held(_settings.MemoryWeight)
                );
                return (logits, more);
            },
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation,
            () => silent
        );

        using IDisposable noGrad = no_grad();
        string ffn = VitNames.Block(split.Model.Config.Depth - 1, "mlp.");
        TensorDelta delta = new(
            split.Space,
            new Dictionary<string, TensorChange>
            {
                [ffn + "fc1.weight"] = TensorChange.AppendRows(key.detach().unsqueeze(0)),
                [ffn + "fc1.bias"] = TensorChange.AppendRows(bias.detach()),
                [ffn + "fc2.weight"] = TensorChange.AppendColumns(value.detach().unsqueeze(1)),
            }
        );
        return Edits.Result(split, failure, delta, Name, TPatcherSettings.Table.Describe(_settings), 0, steps, losses);

        Tensor Loud(Tensor excess) => excess.clamp_max(Held(LargestExponent)).topk(loudest).values.exp().mean();
    }
}
