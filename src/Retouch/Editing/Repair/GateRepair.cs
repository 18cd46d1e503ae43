using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Corrects many images of any classes at once by gates in the last FFN: some that images share, learned together, if
/// the mistakes teach something about each other, and one of its own for each image that is still wrong.
/// </summary>
/// <remarks>
/// Only what the classifier reads is looked at, at the last FFN (<see cref="HeadTokens"/>): of [CLS] a vector an image,
/// so that a repair takes seconds however many images there are. Whether mistakes have something in common is found out
/// from themselves: shared gates are made from four fifths of them and half of the right ones, and the others are
/// counted (<see cref="RepairTrial"/>). docs/repair.md explains it.
/// </remarks>
public sealed class GateRepair
{
    /// <summary>Its name, as a patch's provenance states it.</summary>
    public const string Name = "repair";

    // One in so many units of the last FFN may be taken where none are added.
    const int OneOf = 48;

    // Where none can be added.
    const int OneOfFixed = 16;

    // In a trial, of the failing images one in so many is left out.
    const int LeftOut = 5;
    const int FewestToTry = 10;

    // Of images whose logits are in memory at once.
    const int Together = 1024;

    // Where each has many tokens.
    const long TokensTogether = 4096;

    readonly RepairSettings _settings;

    /// <summary>Creates the repair.</summary>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public GateRepair(RepairSettings? settings = null)
    {
        _settings = settings ?? new();
        _settings.Validate();
    }

    /// <summary>
    /// What the classifier reads before the last FFN's norm, on the CPU: what a repair knows of images. Of one token an
    /// image, [CLS] or what attention pools, <c>[N,D]</c>, else <c>[N,M,D]</c>. The caller disposes it.
    /// </summary>
    /// <param name="split">The model, cut at its last FFN.</param>
    /// <param name="state">The images.</param>
    public static Tensor Residuals(SplitVit split, PrefixState state)
    {
        using DisposeScope scope = NewDisposeScope();
        return HeadTokens.Of(split, state).cpu().MoveToOuterDisposeScope();
    }

    /// <summary>The classes that the model gives images, changed or not.</summary>
    /// <param name="split">The model.</param>
    /// <param name="residuals">The images, as <see cref="Residuals"/> gives them.</param>
    /// <param name="change">What is changed of the last FFN; null for the model as it is.</param>
    public static IReadOnlyList<int> Predict(SplitVit split, Tensor residuals, ModelDelta? change)
    {
        List<int> said = [];
        Ask(split, residuals, change, logits => said.AddRange(logits.argmax(1).cpu().data<long>().Select(c => (int)c)));
        return said;
    }

    /// <summary>Asks the model about images, some in memory at a time.</summary>
    /// <param name="split">The model.</param>
    /// <param name="residuals">The images, as <see cref="Residuals"/> gives them.</param>
    /// <param name="change">What is changed of the last FFN; null for the model as it is.</param>
    /// <param name="tell">Gets the logits of the next ones, <c>[n,C]</c>, whose scope ends with it.</param>
    internal static void Ask(SplitVit split, Tensor residuals, ModelDelta? change, Action<Tensor> tell)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        VitModel model = split.Model;
        Dictionary<string, Tensor> changed = [];
        foreach (string name in change?.Names ?? [])
            changed[name] = change!.Apply(name, model.Tensors[name]);
        BlockWeights ffn = model.Config.PoolsByAttention
            ? BlockWeights.OfPool(model.Config, Weight)
            : BlockWeights.Of(model.Config, model.Config.Depth - 1, Weight);
        long together = residuals.dim() == 2 ? Together : Math.Max(1, TokensTogether / residuals.shape[1]);
        for (long first = 0; first < residuals.shape[0]; first += together)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor some = residuals.narrow(0, first, Math.Min(together, residuals.shape[0] - first));
            tell(model.ClassifyTokens(HeadTokens.After(model, ffn, some.to(ffn.Fc1Weight.device))));
        }

        Tensor? Weight(string name) =>
            changed.TryGetValue(name, out Tensor? other) ? other : model.Tensors.GetValueOrDefault(name);
    }

    /// <summary>Repairs.</summary>
    /// <param name="split">The unedited model, cut at its last FFN.</param>
    /// <param name="input">The images.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>What was done; the caller disposes it.</returns>
    /// <exception cref="BadInputException">The preparation is for another model, or damaged.</exception>
    public RepairOutcome Repair(
        SplitVit split,
        RepairInput input,
        int seed = 0,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (_settings.Widen > 0 && split.Model.Config.UnfitForMoreUnits is string why)
            throw BadInput.Mismatch(
                null,
                $"No units can be added to this model, but a repair can take idle ones: {why}.",
                Remedy.LeaveOut(Parameter.Widen)
            );
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Device device = split.Model.Blocks[^1].Fc1Weight.device;
        input = input with
        {
            Failing = input.Failing with { Residuals = input.Failing.Residuals.to(device) },
            Near = input.Near with { Residuals = input.Near.Residuals.to(device) },
        };
        LastFfn ffn = Look(split, input);
        int capacity = _settings.Widen > 0 ? _settings.Widen : ffn.Idle.Count;

        RepairTrial? trial = null;
        bool share = _settings.Shared ?? false;
        if (
            (_settings.Shared is null || (share && _settings.RightAreExamples is null))
            && input.Failing.Count >= FewestToTry
        )
        {
            trial = Try(split, ffn, input, capacity, seed, progress, cancellation);
            share = _settings.Shared ?? trial.Generalizes;
        }
        GateUnits gates = GateUnits.None(split.Space.Width, device);
        IReadOnlyList<float> losses = [];
        if (share)
            (gates, losses) = new SharedGates(ffn, _settings).Learn(
                input.Failing,
                input.Near,
                capacity,
                _settings.RightAreExamples ?? trial?.RightAreExamples ?? true,
                progress,
                cancellation
            );
        int shared = gates.Count;
        if (share)
            input = Promising(ffn, gates, input);
        (gates, string?[] reasons) = Own(ffn, input, gates, capacity, cancellation);
        if (gates.Count == 0)
            return new RepairOutcome(null, [.. reasons.Select(w => w is null)], reasons, 0, 0, 0, trial, losses);
        TensorDelta change = ffn.Change(gates, input.Space ?? split.Space);
        IReadOnlyList<int> said = Predict(split, input.Failing.Residuals, change);
        bool[] right = [.. said.Select((s, i) => input.Failing.Accepted[i].Contains(s))];
        return new RepairOutcome(
            change,
            right,
            [.. reasons.Select((w, i) => right[i] ? null : w ?? "another image's gate turns it")],
            shared,
            gates.Count - shared,
            ffn.Idle.Count == 0 ? gates.Count : 0,
            trial,
            losses
        );
    }

    LastFfn Look(SplitVit split, RepairInput input)
    {
        VitModel model = split.Model;
        OrdinaryTokens ordinary = input.Ordinary is Preparation prepared
            ? GateMemory.Of(prepared, split, Name)
            : GateMemory.Of(
                model,
                HeadTokens.Sampled(model.Config, input.Near.Residuals),
                tensor([.. input.Near.Labels.Select(l => (long)l)], device: input.Near.Residuals.device)
            );
        // Earlier patches may have turned some, which are to turn back rather than to count as what they became.
        if (input.Unedited is VitModel unedited)
            ordinary = ordinary with { Classes = Evidence.Logits(unedited, ordinary.Residuals).argmax(1) };
        return LastFfn.Measured(
            model,
            ordinary,
            _settings.Widen > 0
                ? []
                : IdleUnits.Of(model, ordinary.Read, model.Config.UnfitForMoreUnits is null ? OneOf : OneOfFixed).All
        );
    }

    // Shared gates made from some of the images, and what becomes of the others.
    RepairTrial Try(
        SplitVit split,
        LastFfn ffn,
        RepairInput input,
        int units,
        int seed,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        int[] failing = Shuffled(input.Failing.Count, seed, 1);
        int[] near = Shuffled(input.Near.Count, seed, 2);
        int left = failing.Length / LeftOut;
        RepairInput seen = input.At(failing[left..], near[(near.Length / 2)..]);
        RepairInput unseen = input.At(failing[..left], near[..(near.Length / 2)]);
        // Those that are left out must not stand for ordinary images either.
        if (input.Ordinary is null)
            ffn = Look(split, seen);
        bool[] ways = _settings.RightAreExamples is bool said ? [said] : [true, false];
        return ways.Select(Made).MaxBy(t => t.Gain)!;

        RepairTrial Made(bool examples)
        {
            using DisposeScope each = NewDisposeScope();
            (GateUnits gates, _) = new SharedGates(ffn, _settings).Learn(
                seen.Failing,
                seen.Near,
                units,
                examples,
                progress,
                cancellation
            );
            return new RepairTrial(
                left,
                Right(ffn, gates, unseen.Failing).Count(r => r),
                unseen.Near.Count,
                Right(ffn, gates, unseen.Near).Count(r => !r),
                input.Failing.Count,
                input.Near.Count
            )
            {
                RightAreExamples = examples,
            };
        }
    }

    // Right images to keep that shared gates turn get one against it, like those that earlier patches corrected.
    static RepairInput Promising(LastFfn ffn, GateUnits gates, RepairInput input)
    {
        bool[] right = Right(ffn, gates, input.Near);
        int[] turned = [.. Enumerable.Range(0, right.Length).Where(i => !right[i])];
        if (turned.Length == 0)
            return input;
        RepairImages more = input.Near.At(turned);
        return input with { Promised = input.Promised is RepairImages promised ? promised.Plus(more) : more };
    }

    static bool[] Right(LastFfn ffn, GateUnits gates, RepairImages images)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = images.Residuals;
        List<long> said = [];
        long together = tokens.dim() == 2 ? Together : Math.Max(1, TokensTogether / tokens.shape[1]);
        for (long first = 0; first < tokens.shape[0]; first += together)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor some = tokens.narrow(0, first, Math.Min(together, tokens.shape[0] - first));
            Tensor after = ffn.After(some, ffn.Sum(ffn.Read(some), gates));
            said.AddRange(ffn.Logits(after).argmax(1).cpu().data<long>());
        }
        return [.. said.Select((s, i) => images.Accepted[i].Contains((int)s))];
    }

    // A gate of its own for every image that is wrong still, as far as units go.
    (GateUnits Gates, string?[] Why) Own(
        LastFfn ffn,
        RepairInput input,
        GateUnits gates,
        int capacity,
        CancellationToken cancellation
    )
    {
        RepairImages failing = input.Promised is RepairImages promised ? input.Failing.Plus(promised) : input.Failing;
        string?[] why = new string?[failing.Count];
        // What may be lost is lost once, however many images there are.
        OwnGates own = new(ffn, _settings with { Leak = _settings.Leak / Math.Max(input.Failing.Count, 1) });
        int had = gates.Count;
        Tensor read = Sampled(failing);
        Tensor near = Sampled(input.Near);
        Dictionary<int, Tensor> others = []; // by class: what an image that wants it is to be told from
        bool[] right = Right(ffn, gates, failing);
        for (int i = 0; i < failing.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (right[i] && gates.Count == had)
                continue;
            using DisposeScope each = NewDisposeScope();
            if (Right(ffn, gates, failing.At([i]))[0])
                continue;
            if (gates.Count == capacity)
            {
                why[i] = "the hidden units are used up";
                continue;
            }
            if (!others.TryGetValue(failing.Labels[i], out Tensor? keep))
                others[failing.Labels[i]] = keep = cat(
                        [
                            ffn.Ordinary.Read,
                            OfOthers(near, input.Near, failing.Labels[i]),
                            OfOthers(read, failing, failing.Labels[i]),
                        ],
                        0
                    )
                    .MoveToOuterDisposeScope();
            (GateUnits? gate, why[i]) = own.Make(failing.Residuals[i], gates, failing.Labels[i], keep);
            if (gate is GateUnits made)
            {
                GateUnits with = gates.Plus(made);
                gates = new GateUnits(
                    with.Keys.MoveToOuterDisposeScope(),
                    with.Biases.MoveToOuterDisposeScope(),
                    with.Values.MoveToOuterDisposeScope()
                );
            }
        }
        return (gates, why[..input.Failing.Count]);

        Tensor Sampled(RepairImages images) => ffn.Read(HeadTokens.Sampled(ffn.Model.Config, images.Residuals));
    }

    static Tensor OfOthers(Tensor read, RepairImages images, int label) =>
        read.index_select(
            0,
            tensor(
                [.. Enumerable.Range(0, images.Count).Where(j => images.Labels[j] != label).Select(j => (long)j)],
                ScalarType.Int64,
                device: read.device
            )
        );

    static int[] Shuffled(int count, int seed, long purpose)
    {
        int[] places = [.. Enumerable.Range(0, count)];
        StableRandom.For(seed, 0x7E41, purpose).Shuffle(places);
        return places;
    }
}
