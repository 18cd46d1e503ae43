namespace Retouch.Editing;

/// <summary>The settings of <see cref="Kfac"/>. Immutable.</summary>
public sealed record KfacSettings : IMethodSettings<KfacSettings>
{
    /// <summary>
    /// λ, above 0: what is added to the inputs' moments, relative to the mean of their diagonal. The knob between
    /// generalization and locality: with a large one the edit is plain gradient descent, with a small one it
    /// avoids whatever ordinary images read.
    /// </summary>
    public double Damping { get; init; } = 0.1;

    /// <summary>The same of the output gradients' moments, above 0; null for leaving them out.</summary>
    public double? OutputDamping { get; init; }

    /// <summary>
    /// The name of what says where to edit, one of <see cref="Locators.Names"/>; an editor that is given a locator has
    /// that one's.
    /// </summary>
    public string Locator { get; init; } = Locators.Fisher;

    /// <summary>
    /// The share of units to edit, in (0,1]: the fewer, the smaller the patch, and, up to a point, the more general the
    /// edit.
    /// </summary>
    public double KeepRatio { get; init; } = 0.05;

    /// <summary>
    /// Whether the gradient is taken of what the matrices do to [CLS] alone, not of what they do to all tokens. The
    /// metric counts all tokens either way. Where the model's head reads more than [CLS], all tokens count.
    /// </summary>
    public bool OnlyClass { get; init; } = true;

    /// <summary>
    /// A step's length at most, above 0: the Euclidean norm of the change of all matrices, relative to that of their
    /// weights.
    /// </summary>
    public double StepLength { get; init; } = 0.02;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 50;

    /// <summary>An edit is done when all its images are right, their mean cross-entropy is at most this, …</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>
    /// … and the right class's logit leads all others' by at least this on every image. Beyond what the loss
    /// asks for it is the second knob: each further logit buys generalization for locality.
    /// </summary>
    public double StopMargin { get; init; }

    /// <summary>
    /// How exactly the first such point on the last step is found, in (0,1): as a share of that step.
    /// </summary>
    public double Precision { get; init; } = 0.05;

    /// <summary>The seed that a locator may have used; recorded in the patch.</summary>
    public int Seed { get; init; }

    /// <summary>Places on the way of <see cref="AtGenerality"/>, the most general first.</summary>
    public static IReadOnlyList<double> Generalities { get; } = [160, 16, 8, 4, 2, 1, 0.3, 0.1];

    /// <summary>
    /// The same settings at a place on one way from general edits to local ones. From 1 to 16 the damping is 0.1 and
    /// the margin four logits for each doubling; above 16 the margin stays and the damping grows in proportion; below
    /// 1 the loss alone is the goal and the damping falls in proportion.
    /// </summary>
    /// <param name="generality">The place, above 0.</param>
    public KfacSettings AtGenerality(double generality)
    {
        SettingCheck.Require("generality", generality, SettingRange.Positive);
        return this with
        {
            Damping = 0.1 * (generality < 1 ? generality : Math.Max(generality / 16, 1)),
            StopMargin = 4 * Math.Log2(Math.Clamp(generality, 1, 16)),
        };
    }

    /// <inheritdoc/>
    public static SettingTable<KfacSettings> Table { get; } =
        new(
            Setting
                .Number<KfacSettings>(
                    "damping",
                    "damping",
                    SettingRange.Positive,
                    s => s.Damping,
                    (s, v) => s with { Damping = v },
                    "between locality (small) and generalization (large)"
                )
                .Swept(["0.1"], ["1", "0.1", "0.01"]),
            CommonSettings.StopLoss<KfacSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v }),
            Setting
                .Number<KfacSettings>(
                    "stopMargin",
                    "stop margin",
                    SettingRange.NotNegative,
                    s => s.StopMargin,
                    (s, v) => s with { StopMargin = v },
                    "by how much the right class's logit has to lead then: more generalizes more"
                )
                .Swept(["0", "12"], ["0", "8", "12", "16"]),
            Setting.Number<KfacSettings>(
                "step",
                "step's length",
                SettingRange.Positive,
                s => s.StepLength,
                (s, v) => s with { StepLength = v },
                "a step's greatest length, relative to the weights"
            ),
            Locators.Setting<KfacSettings>(s => s.Locator, (s, v) => s with { Locator = v }),
            Setting
                .Number<KfacSettings>(
                    "keep",
                    "keep ratio",
                    SettingRange.Share,
                    s => s.KeepRatio,
                    (s, v) => s with { KeepRatio = v },
                    "the share of units to edit, if not all"
                )
                .ForcedBy(s => s.Locator == Locators.All ? "1" : null),
            Setting.OptionalNumber<KfacSettings>(
                "outputDamping",
                "outputs' damping",
                SettingRange.Positive,
                s => s.OutputDamping,
                (s, v) => s with { OutputDamping = v },
                "the same for K-FAC's output side, or none"
            ),
            Setting.Choice<KfacSettings>(
                "tokens",
                ["cls", "all"],
                s => s.OnlyClass ? "cls" : "all",
                (s, v) => s with { OnlyClass = v == "cls" },
                "of which tokens the gradient is: cls or all"
            ),
            CommonSettings.Steps<KfacSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            Setting
                .Number<KfacSettings>(
                    "searchPrecision",
                    "precision",
                    SettingRange.Within,
                    s => s.Precision,
                    (s, v) => s with { Precision = v },
                    "how exactly the end of the last step is found, as a share of that step"
                )
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
