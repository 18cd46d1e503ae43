namespace Retouch.Editing;

/// <summary>The settings of <see cref="Gate"/>. Immutable.</summary>
public sealed record GateSettings : IMethodSettings<GateSettings>
{
    /// <summary>
    /// The share of ordinary images of other classes that may open the gate, in [0,1): the knob between locality
    /// (small) and generalization.
    /// </summary>
    public double Leak { get; init; } = 0.03;

    /// <summary>
    /// What the value is multiplied by once it corrects the image, at least 1: the image itself is right by then, and
    /// the more there is, the less the gate has to be open for others. 0 to choose it by what was measured: 1.5, or 1
    /// where images of the class that the image is mistaken for are common.
    /// </summary>
    public double Gain { get; init; }

    /// <summary>
    /// How much the evidence of the mistake counts beside likeness in what the gate opens for, at least 0: 1 as
    /// docs/gate.md weighs it, 0 for likeness alone.
    /// </summary>
    public double Evidence { get; init; } = 1;

    /// <summary>
    /// What the unit's activation reads on the edited image, above 0, where it reads 0 at the edge of the gate: how
    /// steep that is.
    /// </summary>
    public double Drive { get; init; } = 20;

    /// <summary>
    /// A step's length on the value, above 0: what it moves the image's [CLS] token, relative to the token's norm.
    /// </summary>
    public double StepLength { get; init; } = 0.1;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 200;

    /// <summary>The value is found when all images are right and their mean cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>Places on the way of <see cref="AtGenerality"/>, the most general first.</summary>
    public static IReadOnlyList<double> Generalities { get; } = [5, 3, 2, 1.5, 1, 0.7, 0.5];

    /// <summary>
    /// The same settings at a place on one way from general edits to local ones: the place is the gain, but at least
    /// 1, and below 3 the leak falls with its square from 0.1.
    /// </summary>
    /// <param name="generality">The place, above 0.</param>
    public GateSettings AtGenerality(double generality)
    {
        SettingCheck.Require("generality", generality, SettingRange.Positive);
        double share = Math.Min(generality / 3, 1);
        return this with { Leak = Math.Round(0.1 * share * share, 6), Gain = Math.Round(Math.Max(generality, 1), 4) };
    }

    /// <inheritdoc/>
    public static SettingTable<GateSettings> Table { get; } =
        new(
            Setting
                .Number<GateSettings>(
                    "leak",
                    "leak",
                    SettingRange.BelowOne,
                    s => s.Leak,
                    (s, v) => s with { Leak = v },
                    "the share of ordinary images of other classes that may open the gate"
                )
                .Swept(["0.03"], ["0.05", "0.03", "0.02", "0.01"]),
            Setting
                .Number<GateSettings>(
                    "gain",
                    "gain",
                    new(v => v == 0 || (double.IsFinite(v) && v >= 1), "0, to have it chosen, or at least 1"),
                    s => s.Gain,
                    (s, v) => s with { Gain = v },
                    "what the value is multiplied by once it corrects the image: more generalizes more; 0 chooses it"
                )
                .Swept(["0", "2"], ["1", "1.5", "2", "3"]),
            Setting.Number<GateSettings>(
                "evidence",
                "evidence",
                SettingRange.NotNegative,
                s => s.Evidence,
                (s, v) => s with { Evidence = v },
                "how much the evidence of the mistake counts beside likeness; 0 for likeness alone"
            ),
            CommonSettings.Steps<GateSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            Setting
                .Number<GateSettings>(
                    "drive",
                    "drive",
                    SettingRange.Positive,
                    s => s.Drive,
                    (s, v) => s with { Drive = v },
                    "how steep the edge of the gate is"
                )
                .AsDetail(),
            Setting
                .Number<GateSettings>(
                    "step",
                    "step's length",
                    SettingRange.Positive,
                    s => s.StepLength,
                    (s, v) => s with { StepLength = v },
                    "a step's length on the value, relative to the [CLS] token"
                )
                .AsDetail(),
            CommonSettings
                .StopLoss<GateSettings>(
                    s => s.StopLoss,
                    (s, v) => s with { StopLoss = v },
                    "the loss at which the value is found"
                )
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
