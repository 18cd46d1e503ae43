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
/// the last FFN the pool's own, which has one token an image, too. Where it reads several tokens, each opens the gate
/// for itself (<see cref="TokenEdge"/>), and the value is what their pooled token lacks. docs/gate.md explains it.
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

    // How much the failing image's tokens are to agree on a key, where several read it.
    const double Agreement = 1;

    // How much of the way to the edge that leaks no more than may is gone, until a value turns the image.
    static readonly double[] s_edges = [0.75, 0.5, 0];

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
        IdleUnits idle = IdleUnits.Of(split.Model, ordinary.Read);
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
        VitModel model = split.Model;
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        Tensor residuals = HeadTokens.Of(split, failure.State);
        int? wrong = MistakenFor(model, residuals, failure.Label);
        Tensor said = Evidence.Logits(model, ordinary.Residuals);
        (Tensor key, Tensor bias) = Key(model, model.Config, residuals, ordinary, said, failure.Label, wrong);
        Tensor alike = ordinary.Classes.eq(Held(mistakenFor)).logical_and(ordinary.Others(failure.Label));
        Tensor opens = Opens(ordinary.Read);
        Tensor bound = HeadTokens.AreOne(model.Config)
            ? tensor(Shut, device: key.device)
            : Opens(Evidence.Read(model, residuals)).mean() * Held(TokenEdge.Open);
        Tensor open = opens.gt(bound).logical_and(alike);
        return new GateCost(ordinary.Classes.shape[0], alike.sum().item<long>(), open.sum().item<long>());

        // [N]
        Tensor Opens(Tensor read) => HeadTokens.Pooled(model.Config, matmul(read, key).Plus(bias).clamp_min(Held(0)));
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
        Tensor residuals = HeadTokens.Of(split, failure.State); // [S,D] or [S,M,D]
        Tensor read = Evidence.Read(model, residuals);
        LastFfn ffn = new(model, ordinary, idle.DrawAll(HeadTokens.Pooled(model.Config, read)), _settings.Drive);

        int? wrong = MistakenFor(model, residuals, failure.Label);
        GateUnits none = GateUnits.None(split.Space.Width, read.device);
        Tensor key = zeros(0);
        Tensor bias = zeros(0);
        SlopeWalk? walk = null;
        // Too few tokens may open the gate for any value to turn what all of them are pooled to: then more of them do.
        foreach ((VitConfig reads, double share) in Ways(model.Config))
        {
            (key, bias) = Key(model, reads, residuals, ordinary, said, failure.Label, wrong, share);
            walk = Value(
                ffn,
                residuals,
                ffn.With(read, none, key, bias),
                failure.Label,
                model.Config is { HasPlainBlocks: true, ReadsClassAlone: true },
                progress,
                cancellation
            );
            if (walk.Arrived)
                break;
        }
        (Tensor value, int steps, IReadOnlyList<float> losses) = (walk!.Value, walk.Steps, walk.Losses);
        progress?.Report(new EditProgress(steps, _settings.MaxSteps, 0, losses[^1]));
        GateSettings settings = _settings with { Gain = Gain(ordinary, wrong) };
        value = value * Held(settings.Gain);

        TensorDelta delta = ffn.Change(new GateUnits(key.unsqueeze(0), bias, value.unsqueeze(0)), split.Space);
        return Edits.Result(split, failure, delta, Name, GateSettings.Table.Describe(settings), 0, steps, losses);
    }

    // By which tokens a key is made, and how much of the way to its edge is gone.
    static IEnumerable<(VitConfig Reads, double Share)> Ways(VitConfig config)
    {
        yield return (config, 1);
        if (config.ReadsOneToken)
            yield break;
        VitConfig reads = config;
        if (HeadTokens.AreOne(config))
        {
            reads = HeadTokens.ByAll(config);
            yield return (reads, 1);
        }
        foreach (double share in s_edges)
            yield return (reads, share);
    }

    // The value of a gate that opens so far for the failing images.
    SlopeWalk Value(
        LastFfn ffn,
        Tensor residuals,
        (Tensor Sum, Tensor Opening) gate,
        int label,
        bool walksOn,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        Tensor sum = gate.Sum;
        Tensor opening = gate.Opening.unsqueeze(-1); // [S,1] or [S,M,1]
        double length = ffn.Length(residuals, sum).norm().Number();
        SlopeWalk walk = Walk(_settings.StopLoss);
        // Some heads are never as sure: half-way to as sure as they become, then. A plain ViT's goes on to its last
        // step.
        return walk.Arrived || walksOn || walk.Losses[^1] >= walk.Losses[0] ? walk : Walk(2 * walk.Losses[^1]);

        SlopeWalk Walk(double stopLoss) =>
            SlopeWalk.From(
                zeros([residuals.shape[^1]], device: residuals.device),
                v => Judge(ffn, residuals, sum, opening, v, label, stopLoss),
                direction =>
                {
                    double moves = ffn.Pooled(ffn.Scaled(opening * direction)).norm().Number();
                    return direction * Held(_settings.StepLength * length / Math.Max(moves, float.Epsilon));
                },
                _settings.MaxSteps,
                (step, loss) =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    progress?.Report(new EditProgress(step, _settings.MaxSteps, 1, loss));
                }
            );
    }

    // x·k + b is 0 at the edge and the drive for the failing image.
    (Tensor Key, Tensor Bias) Key(
        VitModel model,
        VitConfig reads,
        Tensor residuals,
        OrdinaryTokens ordinary,
        Tensor said,
        int label,
        int? wrong,
        double share = 1
    )
    {
        Tensor read = Evidence.Read(model, residuals);
        ordinary = ordinary with { Queries = HeadTokens.Pooled(reads, ordinary.Read) };
        Tensor mean = ordinary.Queries.mean([0]);
        Tensor difference = HeadTokens.Pooled(reads, read).mean([0]) - mean;
        Tensor? within = HeadTokens.AreOne(reads) ? null : TokenEdge.Within(reads, ordinary);
        Tensor likeness = within is null
            ? Likeness.Direction(difference)
            : TokenEdge.Direction(reads, within, read, difference, Agreement);
        Tensor evidence = zeros_like(likeness);
        if (_settings.Evidence > 0 && wrong is int mistakenFor)
        {
            foreach (
                (Tensor direction, double weight) in Directions(
                    model,
                    reads,
                    residuals,
                    ordinary,
                    said,
                    label,
                    mistakenFor,
                    within
                )
            )
                evidence = evidence.Plus(
                    Evidence.ToOne(direction, difference, ordinary.Queries) * Held(weight * _settings.Evidence)
                );
        }
        // Where ordinary images show as much of the evidence as the failing one does, it says little: likeness, then.
        foreach (double some in s_shares)
        {
            Tensor direction = likeness.Plus(evidence * Held(some));
            direction = direction / direction.dot(difference).clamp_min(Held(float.Epsilon));
            (Tensor key, Tensor bias, bool held) = within is null
                ? Likeness.Edge(direction, mean, ordinary, label, _settings.Leak)
                : TokenEdge.Of(reads, direction, mean, read, ordinary, label, _settings.Leak, share);
            if (held || some == 0)
                return (key * Held(_settings.Drive), bias * Held(_settings.Drive));
        }
        throw new InvalidOperationException("The last share is 0.");
    }

    // Where images of the wrong class are many, what speaks for that class speaks for them too: there it is what speaks
    // for the right one that tells the failing image from them.
    static IEnumerable<(Tensor Direction, double Weight)> Directions(
        VitModel model,
        VitConfig reads,
        Tensor residuals,
        OrdinaryTokens ordinary,
        Tensor said,
        int label,
        int wrong,
        Tensor? within
    )
    {
        if (IsCommon(ordinary, wrong))
        {
            Tensor right = Evidence.For(said, label, except: wrong);
            yield return (Evidence.Direction(ordinary.Queries, right, within), ForTheRight);
            yield break;
        }
        // Of several tokens an image as many as ordinary images have, each blended with those in its place.
        Tensor failing = HeadTokens.Sampled(model.Config, residuals).mean([0]);
        yield return (Evidence.Direction(ordinary.Queries, Evidence.For(said, wrong), within), 1);
        yield return (Evidence.Between(model, ordinary.Residuals, failing, wrong, reads, within), 1);
    }

    static bool IsCommon(OrdinaryTokens ordinary, int wrong) => ordinary.Share(wrong) > GateCost.Usual;

    double Gain(OrdinaryTokens ordinary, int? wrong) =>
        _settings.Gain > 0 ? _settings.Gain
        : wrong is int mistakenFor && IsCommon(ordinary, mistakenFor) ? GainAmongMany
        : UsualGain;

    // The class that most of the images are mistaken for; null where none is.
    static int? MistakenFor(VitModel model, Tensor residuals, int label)
    {
        Tensor said = Evidence.Logits(model, residuals).argmax(1).cpu();
        return said.data<long>().Where(c => c != label).GroupBy(c => c).MaxBy(g => g.Count()) is { } most
            ? (int)most.Key
            : null;
    }

    // The mean cross-entropy with a value, whether all images are right by enough, and the gradient.
    static SlopePoint Judge(
        LastFfn ffn,
        Tensor residuals,
        Tensor sum,
        Tensor opening,
        Tensor value,
        int label,
        double stopLoss
    )
    {
        Tensor leaf = value.detach().requires_grad_();
        using IDisposable grad = enable_grad();
        Tensor logits = ffn.Logits(ffn.After(residuals, sum.Plus(opening * leaf)));
        Tensor loss = -log_softmax(logits, 1).select(1, label).mean();
        float mean = loss.item<float>();
        return new SlopePoint(mean, Edits.IsRight(logits, label) && mean <= stopLoss, autograd.grad([loss], [leaf])[0]);
    }
}
