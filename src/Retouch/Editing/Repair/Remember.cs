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
        LastFfn ffn = new(split.Model, ordinary, [], split.Model);
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
        Tensor residuals = GateRepair.ReadBy(Name, split, failure.State).to(ffn.Mean.device); // [S,D]
        Tensor read = ffn.Read(residuals);
        Tensor after = ffn.After(residuals, read, 0);
        float[][] others = [.. corrected.Where(c => c.Label != failure.Label).Select(c => c.Token)];
        Tensor keep =
            others.Length == 0
                ? ffn.Ordinary.Queries
                : cat(
                    [
                        ffn.Ordinary.Queries,
                        ffn.Read(tensor([.. others.SelectMany(t => t)], device: read.device).view(others.Length, -1)),
                    ],
                    0
                );
        GateUnits gates = GateUnits.None(split.Space.Width, read.device);
        for (int i = 0; i < read.shape[0]; i++)
        {
            Tensor now = gates.Count == 0 ? after[i] : after[i].Plus(ffn.Added(gates, read.narrow(0, i, 1))[0]);
            if (own.Make(read[i], now, failure.Label, keep).Gate is GateUnits gate)
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
            tokens: residuals.shape[0] == failure.Images.Count ? residuals.to(ScalarType.Float16) : null
        );
    }
}
