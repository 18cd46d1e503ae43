using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// One further hidden unit of the last FFN that opens for the failing image alone: a mistake is remembered, nothing is
/// generalized.
/// </summary>
/// <remarks>
/// What <see cref="GateRepair"/> does for a mistake that has nothing in common with others. The unit opens half-way
/// between the failing image and the nearest of the ordinary ones and of those of other classes that earlier edits of
/// the model corrected (<see cref="EditHistory.Corrected"/>), so that any number of edits stand one after another.
/// </remarks>
public sealed class Remember : IEditor
{
    readonly Preparation _memory;
    readonly RememberSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="GateMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Remember(Preparation memory, RememberSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<RememberSettings>(
            "remember",
            "one further hidden unit of the last FFN opens for the failing image alone",
            "this library, after Huang et al., Transformer-Patcher: One Mistake Worth One Neuron, ICLR 2023",
            (settings, resources) => new Remember(resources.Preparation(GateMemory.Kind), settings)
        )
        {
            OneClass = null,
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
            AddsUnits = true,
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
        // A unit more, or where there can be none, an idle one.
        LastFfn ffn = LastFfn.Measured(
            split.Model,
            ordinary,
            split.Model.Config.UnfitForMoreUnits is null ? [] : IdleUnits.Of(split.Model, ordinary.Read).All
        );
        OwnGates own = new(ffn, new RepairSettings { Edge = _settings.Edge });
        IReadOnlyList<(float[] Token, int Label)> corrected = EditHistory.Of(split.Model).Corrected;
        return Edits.OneByOne(failures, failure => Edit(split, ffn, own, corrected, failure), cancellation);
    }

    EditResult Edit(
        SplitVit split,
        LastFfn ffn,
        OwnGates own,
        IReadOnlyList<(float[] Token, int Label)> corrected,
        Failure failure
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor residuals = HeadTokens.Of(split, failure.State).to(ffn.Mean.device); // [S,D] or [S,M,D]
        Tensor read = ffn.Read(HeadTokens.Sampled(split.Model.Config, residuals));
        GateUnits gates = GateUnits.None(split.Space.Width, read.device);
        for (int i = 0; i < read.shape[0]; i++)
        {
            if (ffn.Idle.Count > 0 && gates.Count == ffn.Idle.Count)
                break;
            if (own.Make(residuals[i], gates, failure.LabelOf(i), Others(failure.LabelOf(i))).Gate is GateUnits gate)
                gates = gates.Plus(gate);
        }
        // One that finds no way stays wrong; a unit that gives nothing stands for it.
        if (gates.Count == 0)
            gates = new GateUnits(
                zeros([1, split.Space.Width], device: read.device),
                zeros([1], device: read.device),
                zeros([1, split.Space.Width], device: read.device)
            );
        return Edits.Result(
            split,
            failure,
            ffn.Change(gates, split.Space),
            Name,
            RememberSettings.Table.Describe(_settings),
            0,
            0,
            [],
            tokens: residuals.dim() == 2 && residuals.shape[0] == failure.Images.Count
                ? residuals.to(ScalarType.Float16)
                : null
        );

        // What an image of a class is to be told from.
        Tensor Others(int label)
        {
            float[][] others = [.. corrected.Where(c => c.Label != label).Select(c => c.Token)];
            List<Tensor> keep = [ffn.Ordinary.Read];
            if (others.Length > 0)
                keep.Add(ffn.Read(tensor([.. others.SelectMany(t => t)], device: read.device).view(others.Length, -1)));
            long[] along =
            [
                .. Enumerable
                    .Range(0, failure.State.Images)
                    .Where(i => failure.LabelOf(i) != label)
                    .Select(i => (long)i),
            ];
            if (along.Length > 0)
                keep.Add(read.index_select(0, tensor(along, device: read.device)));
            return cat(keep, 0);
        }
    }
}
