using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>Knowledge neurons: the hidden units that carry the wrong prediction get other values.</summary>
/// <remarks>
/// Dai et al., "Knowledge Neurons in Pretrained Transformers", ACL 2022. A unit's attribution is
/// w̄ᵢ·∫₀¹ ∂P(α·w̄)/∂wᵢ dα (equation 4), where P is the probability of the prediction and w̄ an FFN's activated
/// hidden units at the fact's position; units above a share of the greatest attribution are its knowledge
/// neurons (section 3.3), and the values of these (columns of fc2) lose λ₁ of the old answer's embedding and
/// gain λ₂ of the new one's (section 5.1). Open for ViTs: the position is [CLS]; the whole layer is scaled
/// together, as in the published code, so that attributions are complete (they sum to what the layer adds to
/// P), at the midpoints of m intervals, whose sum is nearer to the integral than the paper's right ends; the
/// layers are those of the edit space; a class's embedding is its row of the classifier through the final
/// norm's scale, as long as the neuron's own value, and turned around where the neuron is negative. The paper
/// drops neurons that do not recur in paraphrases; with one image, those are dropped instead that recur for
/// unrelated images (<see cref="NeuronStatistics"/>).
/// </remarks>
public sealed class KnowledgeNeurons : IEditor
{
    readonly Preparation? _statistics;
    readonly KnowledgeNeuronsSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="statistics">
    /// What <see cref="NeuronStatistics"/> prepared, not owned; null where no neuron is to be left out.
    /// </param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range, or needs statistics.</exception>
    public KnowledgeNeurons(Preparation? statistics = null, KnowledgeNeuronsSettings? settings = null)
    {
        (_statistics, _settings) = (statistics, settings ?? new());
        _settings.Validate();
        if (_settings.MaxShare < 1 && statistics is null)
        {
            throw BadInput.Missing(
                NeuronStatistics.Kind,
                $"Leaving out neurons of more than {_settings.MaxShare} of ordinary images needs the preparation "
                    + $"'{NeuronStatistics.Kind}', which a share of 1 does without.",
                new MadeFor().MakePreparation(Name)
            );
        }
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<KnowledgeNeuronsSettings>(
            "kn",
            "the units that carry the wrong prediction get other values",
            "Dai et al., Knowledge Neurons in Pretrained Transformers, ACL 2022",
            (settings, resources) =>
                new KnowledgeNeurons(
                    settings.MaxShare < 1 ? resources.Preparation(NeuronStatistics.Kind) : null,
                    settings
                ),
            defaults: new() { MaxShare = 0.1 }
        )
        {
            OneClass = "its neurons are those of one class",
            ShortName = "KN",
            NewPreparation = () => new NeuronStatistics(),
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
        _statistics?.Require(NeuronStatistics.Kind, split);
        return Edits.OneByOne(failures, failure => Edit(split, failure), cancellation);
    }

    EditResult Edit(SplitVit split, Failure failure)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (EditSpace space, VitModel model) = (split.Space, split.Model);
        Tensor logits = split.Logits(failure.State);
        long wrong = softmax(logits, 1)
            .mean([0])
            .index_fill(0, tensor((long)failure.Label), Held(0))
            .argmax()
            .item<long>();
        (Tensor attributions, Tensor activations) = Attribute(split, failure.State, (int)wrong, _settings.Points);
        if (_statistics is not null)
            attributions = where(
                _statistics
                    .Shaped("shares", split.Space.Blocks, split.Space.Hidden)
                    .to(attributions.device)
                    .le(Held(_settings.MaxShare)),
                attributions,
                zeros_like(attributions)
            );
        float[] scores = attributions.reshape(-1).cpu().data<float>().ToArray();
        float[] signs = activations.sign().reshape(-1).cpu().data<float>().ToArray();
        float limit = (float)_settings.Threshold * scores.Max();
        int[] neurons =
        [
            .. Enumerable
                .Range(0, scores.Length)
                .Where(i => scores[i] > 0 && scores[i] >= limit)
                .OrderByDescending(i => scores[i])
                .Take(_settings.MostNeurons)
                .Order(),
        ];

        int[][] units =
        [
            .. space.InOrder.Select(m =>
                m.Kind != FfnMatrix.Fc2
                    ? []
                    : neurons.Where(i => i / space.Hidden == m.PlaceOfBlock).Select(i => i % space.Hidden).ToArray()
            ),
        ];
        Tensor direction = Embedding(failure.Label) - Embedding(wrong) * Held(_settings.Loss); // [D]
        Tensor[] rows = [.. Enumerable.Range(0, space.Matrices).Select(m => zeros([units[m].Length, space.Width]))];
        foreach (EditMatrix matrix in space.InOrder)
        {
            int m = matrix.Index;
            if (units[m].Length == 0)
                continue;
            // [k,D]
            Tensor values = model.Tensors[matrix.Name].index_select(1, tensor([.. units[m].Select(u => (long)u)])).t();
            Tensor sign = tensor([.. units[m].Select(u => signs[matrix.PlaceOfBlock * space.Hidden + u])]).unsqueeze(1);
            rows[m] = values.norm(1, true) * sign * Held(_settings.Gain) * direction;
        }
        return Edits.Result(
            split,
            failure,
            new WeightDelta(new UnitSelection(space, units), rows),
            Name,
            KnowledgeNeuronsSettings.Table.Describe(_settings),
            0,
            1,
            []
        );

        Tensor Embedding(long label)
        {
            Tensor row = model.Tensors[VitNames.HeadWeight][label];
            if (model.Config.Projection > 0)
                row = mv(model.Tensors[VitNames.Projection].t(), row);
            row *= model.Tensors[model.Config.LastNormWeight];
            return row / row.norm();
        }
    }

    /// <summary>
    /// How much each hidden unit of the edit space's FFNs, at [CLS], adds to a class's probability, the mean over
    /// images.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="state">The prefix of the images.</param>
    /// <param name="label">The class.</param>
    /// <param name="points">Points of the integral, m.</param>
    /// <returns>The attributions and the activated units, both <c>[blocks,H]</c>; the caller disposes them.</returns>
    public static (Tensor Attributions, Tensor Activations) Attribute(
        SplitVit split,
        PrefixState state,
        int label,
        int points
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable grad = enable_grad();
        split.Model.Config.RequireClassToken("KN");
        EditSpace space = split.Space;
        Tensor attributions = zeros([space.Blocks, space.Hidden]);
        Tensor activations = zeros_like(attributions);
        for (int image = 0; image < state.Images; image++)
        {
            using PrefixState copies = state.Select([.. Enumerable.Repeat(image, points)]);
            for (int j = 0; j < space.Blocks; j++)
            {
                using DisposeScope each = NewDisposeScope();
                Tensor scaled = null!;
                Tensor units = null!;
                Tensor shares = (
                    (tensor([.. Enumerable.Range(0, points).Select(i => (float)i)]) + Held(0.5)) / Held(points)
                ).unsqueeze(1);
                Tensor probability = softmax(
                        new AutogradSuffix(
                            split,
                            visit: (point, block, value) =>
                            {
                                if (point != SuffixPoint.Activation || block != space.FirstBlock + j)
                                    return value;
                                units = value.select(1, 0).detach(); // [m,H], all rows alike
                                scaled = (units * shares.to(units.device)).requires_grad_();
                                return cat([scaled.unsqueeze(1), value.narrow(1, 1, value.shape[1] - 1)], 1);
                            }
                        ).Logits(copies),
                        1
                    )
                    .select(1, label)
                    .sum();
                Tensor gradients = autograd.grad([probability], [scaled])[0].mean([0]); // [H]
                attributions[j].add_((units[0] * gradients).cpu(), Held(1.0 / state.Images));
                activations[j].add_(units[0].cpu(), Held(1.0 / state.Images));
            }
        }
        return (attributions.MoveToOuterDisposeScope(), activations.MoveToOuterDisposeScope());
    }
}
