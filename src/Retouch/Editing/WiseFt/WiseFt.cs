using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>Fine-tuning of all six matrices, of which a share is taken.</summary>
/// <remarks>
/// WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022) and PAINT (Ilharco et al., "Patching
/// open-vocabulary models by interpolating weights", NeurIPS 2022): θ + α·(θ_ft − θ). θ_ft is what
/// <see cref="FineTuning"/> makes of the failing image. The edit is judged at α, where the image may be wrong again.
/// Several tasks' deltas are added as several patches are.
/// </remarks>
public sealed class WiseFt : IEditor
{
    readonly WiseFtSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public WiseFt(WiseFtSettings? settings = null)
    {
        _settings = settings ?? new();
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<WiseFtSettings>(
            "wise-ft",
            "a share of the way to the fine-tuned model",
            "Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022; Ilharco et al., Patching "
                + "open-vocabulary models by interpolating weights, NeurIPS 2022",
            (settings, _) => new WiseFt(settings)
        )
        {
            OneClass = null,
            ShortName = "WiSE-FT",
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
        IReadOnlyList<EditResult> tuned = new FineTuning(_settings.Tuning).Edit(
            split,
            failures,
            progress,
            cancellation
        );
        try
        {
            int next = 0;
            return Edits.OneByOne(failures, failure => Mixed(split, failure, tuned[next++]), cancellation);
        }
        finally
        {
            foreach (EditResult result in tuned)
                result.Dispose();
        }
    }

    EditResult Mixed(SplitVit split, Failure failure, EditResult tuned)
    {
        using DisposeScope scope = NewDisposeScope();
        WeightDelta whole = (WeightDelta)tuned.Patch.Change;
        WeightDelta share = new(whole.Units, [.. whole.Rows.Select(r => r * Held(_settings.Mix))]);
        return Edits.Result(
            split,
            failure,
            share,
            Name,
            WiseFtSettings.Table.Describe(_settings),
            0,
            tuned.Steps,
            tuned.Losses
        );
    }
}
