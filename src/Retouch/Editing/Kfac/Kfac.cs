using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Natural-gradient steps in the K-FAC metric of ordinary images, no longer than the correction needs.
/// </summary>
/// <remarks>
/// A change Δ of a matrix moves its output by Δ·x, and what the model says of an ordinary image, to first order, by
/// gᵀ·Δ·x, g the gradient at that output. Of all changes with E[‖g‖²·‖Δ·x‖²] = tr(Δ·C·Δᵀ) ≤ ε, the one along which the
/// edit's loss falls fastest is Δ ∝ −∇·C⁻¹, where C = E[‖g‖²·x·xᵀ]: the input half of K-FAC (Martens, Grosse,
/// "Optimizing Neural Networks with Kronecker-factored Approximate Curvature", ICML 2015), which Benzing ("Gradient
/// Descent on Neurons and its Link to Approximate Second-Order Optimization", ICML 2022) shows to be its working part,
/// without K-FAC's assumption that inputs and gradients are independent. ROME's closed form for one key, Λ·(C⁻¹k)ᵀ, is
/// of this shape, and AlphaEdit's projection its limit without damping. Here C is damped, C + λ·mean(diag C)·I; the
/// gradient is that of what the matrices do to [CLS] alone, taken anew after each step of a bounded length; and on the
/// last step the edit goes back to the first point at which the image is right with the wanted confidence, for what
/// lies beyond only costs locality. docs/kfac.md derives it.
/// </remarks>
public sealed class Kfac : IEditor
{
    readonly Preparation _inputs;
    readonly Preparation? _outputs;
    readonly ILocator _locator;
    readonly KfacSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="inputs">What <see cref="InputStatistics"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <param name="locator">
    /// Where to edit; null for the units whose gradients are largest against what ordinary images need of them.
    /// </param>
    /// <param name="outputs">
    /// What <see cref="OutputStatistics"/> prepared, needed with <see cref="KfacSettings.OutputDamping"/>; not owned.
    /// </param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Kfac(
        Preparation inputs,
        KfacSettings? settings = null,
        ILocator? locator = null,
        Preparation? outputs = null
    )
    {
        (_inputs, _settings, _locator) = (inputs, settings ?? new(), locator ?? new FisherLocator(inputs));
        _settings.Validate();
        if (_settings.OutputDamping is not null)
        {
            _outputs =
                outputs
                ?? throw BadInput.Missing(
                    OutputStatistics.Kind,
                    "An outputs' damping needs the output gradients' moments.",
                    new MadeFor().MakePreparation(OutputStatistics.Kind)
                );
        }
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<KfacSettings>(
            "kfac",
            "natural-gradient steps in the metric of ordinary images",
            "this library, after Martens, Grosse, Optimizing Neural Networks with Kronecker-factored Approximate "
                + "Curvature, ICML 2015",
            (settings, resources) =>
                new Kfac(
                    resources.Preparation(InputStatistics.Kind),
                    settings with
                    {
                        Seed = resources.Seed,
                    },
                    Locators.Find(settings.Locator).Create(resources, InputStatistics.Kind),
                    settings.OutputDamping is null ? null : resources.Preparation(OutputStatistics.Kind)
                )
        )
        {
            OneClass = null,
            Window = EditSpace.Last,
            NewPreparation = () => new InputStatistics(),
            Path = new(
                KfacSettings.Generalities,
                ["damping", "stopMargin"],
                (settings, place) => settings.AtGenerality(place)
            ),
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    ) => Edit(split, failures, [.. Located(split, failures)], progress, cancellation);

    /// <summary>The same on units that are already chosen.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units to edit for each failure.</param>
    /// <param name="progress">Told after each step; null to ignore.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        Require(split);
        EditSpace space = split.Space;
        double weights = Math.Sqrt(
            Enumerable.Range(0, space.Matrices).Sum(m => SquaredNorm(split.Model.Tensors[space.MatrixName(m)]))
        );
        KfacSettings settings = _settings with
        {
            Locator = _locator.Name,
            OnlyClass = _settings.OnlyClass && split.Model.Config.ReadsClassAlone,
        };
        return new MetricDescent(
            Name,
            KfacSettings.Table.Describe(settings),
            session => new KfacMetric(_inputs, settings.Damping, _outputs, settings.OutputDamping ?? 0, space, session),
            new StopRule(settings.StopLoss, settings.StopMargin),
            settings.StepLength * weights,
            settings.MaxSteps,
            settings.Precision,
            settings.OnlyClass,
            settings.Seed
        ).Run(split, failures, units, progress, cancellation);
    }

    IEnumerable<UnitSelection> Located(SplitVit split, IReadOnlyList<Failure> failures)
    {
        Require(split);
        return failures.Select(f => _locator.Locate(split, f).Keep(_settings.KeepRatio));
    }

    void Require(SplitVit split)
    {
        _inputs.Require(InputStatistics.Kind, split);
        _outputs?.Require(OutputStatistics.Kind, split);
    }

    static double SquaredNorm(Tensor weight)
    {
        using DisposeScope scope = NewDisposeScope();
        return weight.Squared().sum().Number();
    }
}
