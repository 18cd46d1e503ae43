using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// RefineViT: the attention heads that mislead are ablated, then a projection refines the representation.
/// </summary>
/// <remarks>
/// Huang, Zhao, Huang, "Model Editing for Vision Transformers", NeurIPS 2025, its two stages. First, a head's
/// guilt is by how much the right class's cross-entropy falls when the head's output is zero; the guiltiest are
/// ablated together. Second, a matrix P is learned on the final [CLS] representation z̃ of the ablated model:
/// cross-entropy of P·z̃ to the right class plus a weight times ‖P·z̃ − z‖² on ordinary images
/// (<see cref="TokenMemory"/>), relative to ‖z‖², where z is the unedited model's representation. Chosen here:
/// P starts as the map nearest to the identity that restores ordinary images' z; heads of the blocks after the
/// cut, which write directly to what the classifier reads; z̃ after the final norm, so that P folds into the
/// classifier (W' = W·P) and a head's ablation into zero columns of its block's output projection: the edit is
/// a change of weights like any other. A small ViT has few heads (ViT-Ti three a block), and one of them is
/// much to lose: zero heads, the projection alone, is a point of the sweep.
/// </remarks>
public sealed class RefineVit : IEditor
{
    const int Chunk = 16;
    const double Ridge = 0.01;

    readonly Preparation _memory;
    readonly RefineVitSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="TokenMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public RefineVit(Preparation memory, RefineVitSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<RefineVitSettings>(
            "refinevit",
            "guilty attention heads are ablated, then the representation is projected",
            "Huang, Zhao, Huang, Model Editing for Vision Transformers, NeurIPS 2025",
            (settings, resources) => new RefineVit(resources.Preparation(TokenMemory.Kind), settings)
        )
        {
            OneClass = "its projection is learned for one class",
            ShortName = "RefineViT",
            NewPreparation = () => new TokenMemory(),
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
        if (split.Model.Config.Pooling == VitPooling.TwoHeads)
            throw BadInput.Mismatch(
                null,
                "RefineViT learns one map of what a classifier reads, but this model has two heads with a token each; "
                    + "use another method, such as gate or kfac."
            );
        _memory.Require(TokenMemory.Kind, split);
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = _memory
            .Shaped("tokens", -1, HeadTokens.CountOf(split.Model.Config), split.Space.Width)
            .to(ScalarType.Float32);
        Tensor wanted = Features(new AutogradSuffix(split), tokens); // z [N,D]
        return Edits.OneByOne(
            failures,
            failure => Edit(split, failure, tokens, wanted, progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Failure failure,
        Tensor tokens,
        Tensor wanted,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = split.Model.Config;
        Dictionary<string, TensorChange> changes = [];
        foreach (IGrouping<int, (int Block, int Head)> block in Guilty(split, failure).GroupBy(h => h.Block))
        {
            string name = VitNames.Block(block.Key, "attn.proj.weight");
            Tensor columns = tensor([
                .. block
                    .SelectMany(h => Enumerable.Range(h.Head * config.HeadWidth, config.HeadWidth))
                    .Select(c => (long)c),
            ]);
            Tensor picked = eye(config.Width).index_select(0, columns); // [k,D]: what is left of the input
            changes[name] = TensorChange.AddProduct(-split.Model.Tensors[name].index_select(1, columns), picked);
        }
        Dictionary<string, Tensor> ablated = changes.ToDictionary(
            c => c.Key,
            c => c.Value.Apply(split.Model.Tensors[c.Key])
        );
        AutogradSuffix suffix = new(split, ablated);
        Tensor own;
        Tensor others; // z̃ [S,D] and [N,D]
        using (no_grad())
            own = suffix.ClassFeatures(failure.State.Residual, failure.State.Output);
        others = changes.Count == 0 ? wanted : Features(suffix, tokens);
        Tensor scale = wanted.Squared().sum(1).mean();
        Tensor projection = Aligned(others, wanted).requires_grad_();
        (int steps, List<float> losses) = LeafDescent.Run(
            [projection],
            [failure.Label],
            () =>
                (
                    suffix.Classify(mm(own, projection.t())),
                    (mm(others, projection.t()) - wanted).Squared().sum(1).mean() / scale * Held(_settings.Locality)
                ),
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation
        );
        using IDisposable noGrad = no_grad();
        changes[VitNames.HeadWeight] = TensorChange.Add(
            mm(split.Model.Tensors[VitNames.HeadWeight], projection - eye(config.HeadInputs))
        );
        return Edits.Result(
            split,
            failure,
            new TensorDelta(split.Space, changes),
            Name,
            RefineVitSettings.Table.Describe(_settings),
            0,
            steps,
            losses
        );
    }

    // Where P starts: the map nearest to the identity that takes the ablated representations of ordinary images back to
    // the unedited ones.
    static Tensor Aligned(Tensor ablated, Tensor wanted)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor moment = mm(ablated.t(), ablated);
        Tensor identity = eye(ablated.shape[1]);
        Tensor ridge = identity * (moment.diagonal().mean() * Held(Ridge));
        // argmin over P of Σ‖P·z̃ − z‖² + ridge·‖P − I‖²
        return linalg
            .solve(moment.Plus(ridge), mm(ablated.t(), wanted).Plus(ridge))
            .t()
            .contiguous()
            .MoveToOuterDisposeScope();
    }

    IEnumerable<(int Block, int Head)> Guilty(SplitVit split, Failure failure)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        VitConfig config = split.Model.Config;
        float before = Loss(null);
        List<(int Block, int Head, float Gain)> heads = [];
        for (int block = split.Space.FirstBlock + 1; block < config.Depth; block++)
        {
            string name = VitNames.Block(block, "attn.proj.weight");
            for (int head = 0; head < config.Heads; head++)
            {
                using DisposeScope each = NewDisposeScope();
                Tensor without = split.Model.Tensors[name].clone();
                without.narrow(1, head * config.HeadWidth, config.HeadWidth).zero_();
                heads.Add((block, head, before - Loss(new() { [name] = without })));
            }
        }
        return
        [
            .. heads
                .Where(h => h.Gain > 0)
                .OrderByDescending(h => h.Gain)
                .Take(_settings.Heads)
                .Select(h => (h.Block, h.Head)),
        ];

        float Loss(Dictionary<string, Tensor>? replaced) =>
            -log_softmax(new AutogradSuffix(split, replaced).Logits(failure.State), 1)
                .select(1, failure.Label)
                .mean()
                .item<float>();
    }

    static Tensor Features(AutogradSuffix suffix, Tensor tokens)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> features = [];
        foreach (Tensor part in tokens.split(Chunk))
        {
            using DisposeScope each = NewDisposeScope();
            features.Add(suffix.ClassFeatures(part, part).MoveToOuterDisposeScope());
        }
        return cat(features, 0).MoveToOuterDisposeScope();
    }
}
