using Retouch.Locating;
using Retouch.Vit;

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
        (_locator, _settings) = (locator, settings ?? new());
        _settings.Validate();
    }

    /// <inheritdoc/>
    public string Name => "masked-fine-tuning";

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(SplitVit split, IReadOnlyList<Failure> failures, IProgress<EditProgress>? progress = null, CancellationToken cancellation = default) =>
        Edit(split, failures, [.. failures.Select(f => _locator.Locate(split, f).Keep(_settings.KeepRatio))], progress, cancellation);

    /// <summary>The same on units that are already chosen.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units to edit for each failure.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split, IReadOnlyList<Failure> failures, IReadOnlyList<UnitSelection> units, IProgress<EditProgress>? progress = null, CancellationToken cancellation = default) =>
        new RowDescent(Name, _settings.Describe(_locator.Name), _settings.MaxSteps, _settings.StopLoss, _settings.Seed, (_, gradient, delta, square) =>
            new RmsProp(_settings.Alpha, _settings.Epsilon).Step(delta, gradient, square, _settings.LearningRate)).Run(split, failures, units, progress, cancellation);
}
