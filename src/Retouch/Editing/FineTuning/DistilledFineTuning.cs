using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// Fine-tuning of the last FFN's two matrices, close to what the model said of ordinary images, with images that
/// earlier edits corrected replayed along.
/// </summary>
/// <remarks>
/// Adam on the cross-entropy, with a distillation as in Li and Hoiem, "Learning without Forgetting", ECCV 2016: a
/// weight times the mean KL(model ‖ edited) on ordinary images, the model being the one that is edited; and with
/// experience replay (Rolnick et al., "Experience Replay for Continual Learning", NeurIPS 2019) of a bounded number of
/// the images that earlier edits of the model corrected (<see cref="EditHistory.Corrected"/>), drawn anew for each
/// edit. Images that are to stay right (<see cref="Failure.Kept"/>) are trained along, too. Only [CLS] at the last FFN
/// is looked at, a vector an image, which is all that these matrices do for the classifier.
/// </remarks>
public sealed class DistilledFineTuning : IEditor
{
    // Ordinary images that a step takes at most.
    const int Ordinary = 512;
    const int ToReplay = 0xF7E1; // of the random numbers
    const int ToTake = 0xF7E2;

    readonly Preparation _memory;
    readonly DistilledFineTuningSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="GateMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public DistilledFineTuning(Preparation memory, DistilledFineTuningSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<DistilledFineTuningSettings>(
            "ft-kl",
            "fine-tuning of the last FFN, close to what it said of ordinary images, with replay",
            "Li, Hoiem, Learning without Forgetting, ECCV 2016; Rolnick et al., Experience Replay for Continual "
                + "Learning, NeurIPS 2019",
            (settings, resources) =>
                new DistilledFineTuning(resources.Preparation(GateMemory.Kind), settings with { Seed = resources.Seed })
        )
        {
            ShortName = "FT-KL",
            OneClass = null,
            KeepsRight = true,
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
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
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        Seen usual = new(ordinary.Residuals, ordinary.Queries, null);
        Tensor said = log_softmax(Evidence.Logits(split.Model, ordinary.Residuals), 1);
        return Edits.OneByOne(
            failures,
            failure => Edit(split, usual, said, failure, progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Seen usual,
        Tensor said,
        Failure failure,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitModel model = split.Model;
        BlockWeights block = model.Blocks[^1];
        Seen own = Look(split, failure.State, failure.EachLabel);
        Seen? kept = failure.Kept is { } right
            ? Look(split, right.State, [.. right.Labels.Select(l => (long)l)])
            : null;
        Seen? replayed = Replayed(model);
        Tensor fc1 = block.Fc1Weight.clone().requires_grad_();
        Tensor fc2 = block.Fc2Weight.clone().requires_grad_();
        bool others = true; // whether what is trained along is right
        int at = 0;
        using IDisposable grad = enable_grad();
        (int steps, List<float> losses) = LeafDescent.Run(
            [fc1, fc2],
            failure.EachLabel,
            () =>
            {
                Tensor more = Divergence(StableRandom.For(_settings.Seed, ToTake, at++)) * Held(_settings.Weight);
                others = true;
                if (kept is Seen keep)
                    more = more.Plus(Along(keep) * Held(_settings.Near));
                if (replayed is Seen again)
                    more = more.Plus(Along(again));
                return (Logits(own), more);
            },
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation,
            () => others
        );
        using IDisposable noGrad = no_grad();
        string ffn = VitNames.Block(model.Config.Depth - 1, "mlp.");
        TensorDelta delta = new(
            split.Space,
            new Dictionary<string, TensorChange>
            {
                [ffn + "fc1.weight"] = TensorChange.Add(fc1.detach() - block.Fc1Weight),
                [ffn + "fc2.weight"] = TensorChange.Add(fc2.detach() - block.Fc2Weight),
            }
        );
        return Edits.Result(
            split,
            failure,
            delta,
            Name,
            DistilledFineTuningSettings.Table.Describe(_settings),
            _settings.Seed,
            steps,
            losses,
            tokens: own.Residuals.shape[0] == failure.Images.Count ? own.Residuals.to(ScalarType.Float16) : null
        );

        Tensor Logits(Seen images)
        {
            Tensor hidden = model.Activate(linear(images.Read, fc1, block.Fc1Bias));
            Tensor after = images.Residuals.Plus(VitModel.Scaled(linear(hidden, fc2, block.Fc2Bias), block.Scale2));
            return model.Classify(model.Readout(after.unsqueeze(1)));
        }

        Tensor Along(Seen images)
        {
            Tensor logits = Logits(images);
            others &= Edits.IsRight(logits.detach(), images.Labels!);
            return cross_entropy(logits, tensor(images.Labels!, device: logits.device));
        }

        Tensor Divergence(Random random)
        {
            Tensor places = tensor(
                [.. Enumerable.Range(0, Ordinary).Select(_ => random.NextInt64(usual.Read.shape[0]))],
                device: usual.Read.device
            );
            Tensor before = said.index_select(0, places);
            Tensor now = log_softmax(
                Logits(new Seen(usual.Residuals.index_select(0, places), usual.Read.index_select(0, places), null)),
                1
            );
            return (before.exp() * (before - now)).sum(1).mean();
        }
    }

    Seen Look(SplitVit split, PrefixState state, long[] labels)
    {
        (Tensor read, Tensor after) = QueryMemory.Query(split, state, Name);
        return new Seen(GateMemory.Residuals(split.Model, read, after), read, labels);
    }

    // Some of the images that earlier edits of the model corrected.
    Seen? Replayed(VitModel model)
    {
        IReadOnlyList<(float[] Token, int Label)> corrected = EditHistory.Of(model).Corrected;
        if (_settings.Replay == 0 || corrected.Count == 0)
            return null;
        int[] places = [.. Enumerable.Range(0, corrected.Count)];
        StableRandom.For(_settings.Seed, ToReplay, corrected.Count).Shuffle(places);
        (float[] Token, int Label)[] some = [.. places.Take(_settings.Replay).Select(p => corrected[p])];
        Tensor residuals = tensor([.. some.SelectMany(s => s.Token)], device: model.Blocks[^1].Fc1Weight.device)
            .view(some.Length, -1);
        return new Seen(residuals, Evidence.Read(model, residuals), [.. some.Select(s => (long)s.Label)]);
    }

    /// <summary>Images at the last FFN. Owns nothing.</summary>
    /// <param name="Residuals">[CLS] before it, <c>[N,D]</c>.</param>
    /// <param name="Read">What it reads, <c>[N,D]</c>.</param>
    /// <param name="Labels">Their classes; null where they have none.</param>
    readonly record struct Seen(Tensor Residuals, Tensor Read, long[]? Labels);
}
