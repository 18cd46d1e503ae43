using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// One hidden unit of the last FFN becomes a gate that opens for images like the failing one, and a value that corrects
/// them.
/// </summary>
/// <remarks>
/// A unit that ordinary images hardly need, one of several so that patches for different images seldom meet, gives
/// act(x·k + b)·v instead of what it gave, x being what the FFN reads of [CLS]; what it gave in the mean goes into the
/// FFN's output bias. Key and bias are closed form: with q the failing image's x and μ the mean of ordinary ones, an
/// image's likeness is (q−μ)·(x−μ)/‖q−μ‖²; to that is added how far it lies along the directions in which the model's
/// evidence for its mistake grows (<see cref="Evidence"/>), and s(x) is the sum, scaled to 1 for the failing image and
/// about 0 for the others; the gate's edge τ is where at most a share of the ordinary images of other classes
/// (<see cref="GateSettings.Leak"/>) reads more; and x·k + b is <see cref="GateSettings.Drive"/>·(s(x)−τ)/(1−τ). The
/// value v goes down the slope of the cross-entropy at the last block's output until the image is right, back to the
/// first point where it is, and is then multiplied by <see cref="GateSettings.Gain"/>. Transformer-Patcher (Huang et
/// al., ICLR 2023) adds such a unit and learns key, bias and value by gradient descent against a memory; GRACE
/// (Hartvigsen et al., NeurIPS 2023) has a radius about a key and learns the value. Here nothing but the value is
/// learned, and the architecture stays as it is. Where the classifier reads what attention pools, [CLS] is that, and
/// the last FFN the pool's own, which has one token an image, too. docs/gate.md explains it.
/// </remarks>
public sealed class Gate : IEditor
{
    // The image at the gate's edge reads 0 but for rounding; the edited one reads the drive.
    const float Shut = 1e-3f;

    // Of the evidence for the right class, where that for the wrong one counts 1 on ordinary images and 1 on blends.
    const double ForTheRight = 0.4;

    // What the value is multiplied by if nobody says: where images of the wrong class are common, more of it costs more
    // of them than a wider gate does.
    const double UsualGain = 1.5;
    const double GainAmongMany = 1;

    // How much of the evidence is tried, until as few ordinary images open the gate as may.
    static readonly double[] s_shares = [1, 0.5, 0.25, 0];

    readonly Preparation _memory;
    readonly GateSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="GateMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Gate(Preparation memory, GateSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<GateSettings>(
            "gate",
            "one hidden unit of the last FFN opens for images like the failing one",
            "this library, after Huang et al., Transformer-Patcher: One Mistake Worth One Neuron, ICLR 2023",
            (settings, resources) => new Gate(resources.Preparation(GateMemory.Kind), settings)
        )
        {
            OneClass = "its unit opens for images alike and gives them one class",
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
            Path = new(GateSettings.Generalities, ["leak", "gain"], (settings, place) => settings.AtGenerality(place)),
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
        Tensor said = Evidence.Logits(split.Model, ordinary.Residuals); // [N,C]
        IdleUnits idle = IdleUnits.Of(split.Model, ordinary.Queries);
        return Edits.OneByOne(
            failures,
            failure => Edit(split, idle, ordinary, said, failure, progress, cancellation),
            cancellation
        );
    }

    /// <summary>
    /// How many ordinary images a correction may reach among those of the class that the image is mistaken for.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failure">What is to be corrected.</param>
    /// <param name="mistakenFor">The class that the model gives it.</param>
    /// <exception cref="BadInputException">The preparation is for another model, or damaged.</exception>
    public GateCost Cost(SplitVit split, Failure failure, int mistakenFor)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        (Tensor queries, Tensor after) = TokenQueries.Of(split, failure.State, Name);
        int? wrong = MistakenFor(split.Model, after, failure.Label);
        Tensor said = Evidence.Logits(split.Model, ordinary.Residuals);
        (Tensor key, Tensor bias) = Key(split.Model, queries, after, ordinary, said, failure.Label, wrong);
        Tensor alike = ordinary.Classes.eq(Held(mistakenFor)).logical_and(ordinary.Others(failure.Label));
        Tensor open = mv(ordinary.Queries, key).Plus(bias).gt(Held(Shut)).logical_and(alike);
        return new GateCost(ordinary.Classes.shape[0], alike.sum().item<long>(), open.sum().item<long>());
    }

    EditResult Edit(
        SplitVit split,
        IdleUnits idle,
        OrdinaryTokens ordinary,
        Tensor said,
        Failure failure,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitModel model = split.Model;
        (Tensor queries, Tensor after) = TokenQueries.Of(split, failure.State, Name); // [S,D], [S,D]
        Tensor? scale = model.TokenFfn.Scale2;
        IdleUnit unit = idle.Draw(queries);
        Tensor without = unit.Without(queries, after);

        int? wrong = MistakenFor(model, after, failure.Label);
        (Tensor key, Tensor bias) = Key(model, queries, after, ordinary, said, failure.Label, wrong);
        Tensor opening = model.Activate(mv(queries, key).Plus(bias)).unsqueeze(1); // [S,1]
        SlopeWalk walk = SlopeWalk.From(
            zeros_like(key),
            v => Judge(model, Tokens(v), failure.Label),
            gradient =>
            {
                Tensor direction = (VitModel.Scaled(gradient, scale) * opening).sum([0]);
                Tensor moves = VitModel.Scaled(opening * direction, scale); // [D], [S,D]
                return direction
                    * (Held(_settings.StepLength) * without.norm() / moves.norm().clamp_min(Held(float.Epsilon)));
            },
            _settings.MaxSteps,
            (step, loss) =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new EditProgress(step, _settings.MaxSteps, 1, loss));
            }
        );
        (Tensor value, int steps, IReadOnlyList<float> losses) = (walk.Value, walk.Steps, walk.Losses);
        progress?.Report(new EditProgress(steps, _settings.MaxSteps, 0, losses[^1]));
        GateSettings settings = _settings with { Gain = Gain(ordinary, wrong) };
        value = value * Held(settings.Gain);

        TensorDelta delta = unit.Rewritten(split.Space, key, bias, value);
        return Edits.Result(split, failure, delta, Name, GateSettings.Table.Describe(settings), 0, steps, losses);

        Tensor Tokens(Tensor v) => without.Plus(VitModel.Scaled(opening * v, scale));
    }

    // x·k + b is 0 at the edge and the drive for the failing image.
    (Tensor Key, Tensor Bias) Key(
        VitModel model,
        Tensor queries,
        Tensor after,
        OrdinaryTokens ordinary,
        Tensor said,
        int label,
        int? wrong
    )
    {
        Tensor mean = ordinary.Queries.mean([0]);
        Tensor difference = queries.mean([0]) - mean;
        Tensor likeness = Likeness.Direction(difference);
        Tensor evidence = zeros_like(likeness);
        if (_settings.Evidence > 0 && wrong is int mistakenFor)
        {
            Tensor residuals = GateMemory.Residuals(model, queries, after).mean([0]);
            foreach (
                (Tensor direction, double weight) in Directions(model, residuals, ordinary, said, label, mistakenFor)
            )
                evidence = evidence.Plus(
                    Evidence.ToOne(direction, difference, ordinary.Queries) * Held(weight * _settings.Evidence)
                );
        }
        // Where ordinary images show as much of the evidence as the failing one does, it says little: likeness, then.
        foreach (double share in s_shares)
        {
            Tensor direction = likeness.Plus(evidence * Held(share));
            direction = direction / direction.dot(difference).clamp_min(Held(float.Epsilon));
            if (
                Likeness.Edge(direction, mean, ordinary, label, _settings.Leak) is var edge
                && (edge.IsHeld || share == 0)
            )
                return (edge.Key * Held(_settings.Drive), edge.Bias * Held(_settings.Drive));
        }
        throw new InvalidOperationException("The last share is 0.");
    }

    // Where images of the wrong class are many, what speaks for that class speaks for them too: there it is what speaks
    // for the right one that tells the failing image from them.
    static IEnumerable<(Tensor Direction, double Weight)> Directions(
        VitModel model,
        Tensor residuals,
        OrdinaryTokens ordinary,
        Tensor said,
        int label,
        int wrong
    )
    {
        if (IsCommon(ordinary, wrong))
        {
            Tensor right = Evidence.For(said, label, except: wrong);
            yield return (Evidence.Direction(ordinary.Queries, right), ForTheRight);
            yield break;
        }
        yield return (Evidence.Direction(ordinary.Queries, Evidence.For(said, wrong)), 1);
        yield return (Evidence.Between(model, ordinary.Residuals, residuals, wrong), 1);
    }

    static bool IsCommon(OrdinaryTokens ordinary, int wrong) => ordinary.Share(wrong) > GateCost.Usual;

    double Gain(OrdinaryTokens ordinary, int? wrong) =>
        _settings.Gain > 0 ? _settings.Gain
        : wrong is int mistakenFor && IsCommon(ordinary, mistakenFor) ? GainAmongMany
        : UsualGain;

    // The class that most of the images are mistaken for; null where none is.
    static int? MistakenFor(VitModel model, Tensor after, int label)
    {
        Tensor said = model.ClassifyToken(after).argmax(1).cpu();
        return said.data<long>().Where(c => c != label).GroupBy(c => c).MaxBy(g => g.Count()) is { } most
            ? (int)most.Key
            : null;
    }

    // The mean cross-entropy of [CLS] tokens after the last block, [S,D], whether all are right by enough, and the
    // gradient.
    SlopePoint Judge(VitModel model, Tensor tokens, int label)
    {
        Tensor leaf = tokens.detach().requires_grad_();
        using IDisposable grad = enable_grad();
        Tensor logits = model.ClassifyToken(leaf);
        Tensor loss = -log_softmax(logits, 1).select(1, label).mean();
        float mean = loss.item<float>();
        return new SlopePoint(
            mean,
            Edits.IsRight(logits, label) && mean <= _settings.StopLoss,
            autograd.grad([loss], [leaf])[0]
        );
    }
}
