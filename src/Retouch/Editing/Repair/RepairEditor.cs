using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// <see cref="GateRepair"/> as a method like any other: its failure's images of any classes are corrected by one patch,
/// and those that are to stay right (<see cref="Failure.Kept"/>) are kept so.
/// </summary>
public sealed class RepairEditor : IEditor
{
    readonly Preparation _memory;
    readonly RepairSettings _settings;
    readonly int _seed;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="GateMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public RepairEditor(Preparation memory, RepairSettings? settings = null, int seed = 0)
    {
        (_memory, _settings, _seed) = (memory, settings ?? new(), seed);
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<RepairSettings>(
            GateRepair.Name,
            "units of the last FFN open for images of many classes, shared where the mistakes have something in common",
            "this library",
            (settings, resources) => new RepairEditor(resources.Preparation(GateMemory.Kind), settings, resources.Seed)
        )
        {
            OneClass = null,
            KeepsRight = true,
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
        };

    /// <inheritdoc/>
    public string Name => GateRepair.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    ) => Edits.OneByOne(failures, failure => Edit(split, failure, progress, cancellation), cancellation);

    EditResult Edit(SplitVit split, Failure failure, IProgress<EditProgress>? progress, CancellationToken cancellation)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        RepairImages failing = Images(
            split,
            failure.State,
            [.. failure.EachLabel.Select(l => (int)l)],
            failure.Accepted
        );
        RepairOutcome outcome = new GateRepair(_settings).Repair(
            split,
            new RepairInput(
                failing,
                failure.Kept is { } kept
                    ? Images(split, kept.State, kept.Labels, kept.Accepted)
                    : new RepairImages(HeadTokens.None(split.Model.Config), []),
                _memory
            ),
            _seed,
            progress,
            cancellation
        );
        // Where nothing could be corrected, units that give nothing stand for it.
        TensorDelta change = outcome.Change ?? Nothing(split);
        return Edits.Result(
            split,
            failure,
            change,
            Name,
            _settings.Describe(),
            _seed,
            outcome.Losses.Count,
            outcome.Losses,
            outcome.Corrected.All(c => c),
            tokens: failing.Residuals.dim() == 2 && failing.Count == failure.Images.Count
                ? failing.Residuals.to(ScalarType.Float16)
                : null
        );
    }

    static RepairImages Images(
        SplitVit split,
        PrefixState state,
        IReadOnlyList<int> labels,
        IReadOnlyList<IReadOnlyList<int>>? accepted
    )
    {
        RepairImages images = new(GateRepair.Residuals(split, state), labels);
        return accepted is null ? images : images with { Accepted = accepted };
    }

    TensorDelta Nothing(SplitVit split)
    {
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        bool grows = split.Model.Config.UnfitForMoreUnits is null;
        LastFfn ffn = new(split.Model, ordinary, grows ? [] : IdleUnits.Of(split.Model, ordinary.Read).All);
        GateUnits none = new(zeros([1, split.Space.Width]), zeros([1]), zeros([1, split.Space.Width]));
        return ffn.Change(none, split.Space);
    }
}
