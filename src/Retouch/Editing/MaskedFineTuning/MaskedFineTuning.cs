using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The paper's edit: fine-tuning of the units that a locator names and of nothing else (Yang, Huang, Chen,
/// Ma, Wei, "Learning Where to Edit Vision Transformers", NeurIPS 2024, section 3.1). Cross-entropy to the
/// right class, RMSprop, until the prediction is right and the loss is small.
/// </summary>
public sealed class MaskedFineTuning : IEditor
{
    readonly ILocator _locator;
    readonly MaskedFineTuningSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public MaskedFineTuning(ILocator locator, MaskedFineTuningSettings? settings = null)
    {
        settings ??= new();
        settings.Validate();
        (_locator, _settings) = (locator, settings with { Locator = locator.Name });
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<MaskedFineTuningSettings>(
            "masked-fine-tuning",
            "fine-tuning of the units that a locator names",
            Methods.WhereToEdit,
            (settings, resources) =>
                new MaskedFineTuning(
                    Locators.Find(settings.Locator).Create(resources, FisherStatistics.Kind),
                    settings with
                    {
                        Seed = resources.Seed,
                    }
                )
        )
        {
            OneClass = null,
            Reads = settings => settings.Locator == Locators.Fisher ? FisherStatistics.Kind : null,
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    ) =>
        Edit(
            split,
            failures,
            [.. failures.Select(f => _locator.Locate(split, f).Keep(_settings.KeepRatio))],
            progress,
            cancellation
        );

    /// <summary>The same on units that are already chosen.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units to edit for each failure.</param>
    /// <param name="progress">Told after each step; null to ignore.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        RmsProp rmsProp = new(_settings.Alpha, _settings.Epsilon);
        using DescendingEdits edits = new(split, failures, units, Name, _settings.Provenance(), _settings.Seed);
        for (int step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            Tensor logits = edits.Logits(); // [B·S,C]
            float loss = edits.Retire(logits, step, _settings.StopLoss, all: step == _settings.MaxSteps);
            progress?.Report(new EditProgress(step, _settings.MaxSteps, edits.Count, loss));
            if (edits.Count == 0)
                return edits.TakeResults();

            Tensor[] gradients = edits.Gradients(logits); // each matrix [B,u,D], of the masked units alone
            for (int m = 0; m < gradients.Length; m++)
                rmsProp.Step(edits.Deltas[m], gradients[m], edits.Squares[m], _settings.LearningRate);
            edits.Continue();
        }
    }
}
