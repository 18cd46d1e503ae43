namespace Retouch.Editing;

/// <summary>The settings of <see cref="GateRepair"/>. Immutable.</summary>
public sealed record RepairSettings
{
    /// <summary>Whether shared gates are tried, or every image gets one of its own; null to find out.</summary>
    public bool? Shared { get; init; }

    /// <summary>Shared gates at most, at least 1.</summary>
    public int SharedUnits { get; init; } = 16;

    /// <summary>Hidden units that are added to the last FFN, at least 0.</summary>
    public int Widen { get; init; }

    /// <summary>
    /// By how much the right class is to lead over the others, in logits, at least 0: the knob between locality (small)
    /// and generalization.
    /// </summary>
    public double Margin { get; init; } = 5;

    /// <summary>The weight of the mean KL(unedited ‖ repaired) on ordinary images, at least 0.</summary>
    public double Divergence { get; init; } = 30;

    /// <summary>The weight of keeping right near images right, at least 0.</summary>
    public double Near { get; init; } = 1;

    /// <summary>The weight of the gates' silence on ordinary and right near images, at least 0.</summary>
    public double Silence { get; init; } = 2;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 0.005;

    /// <summary>Steps of the shared gates, at least 1.</summary>
    public int Steps { get; init; } = 300;

    /// <summary>
    /// Where an image's own gate opens, on the way from the nearest other image to itself, in (0,1).
    /// </summary>
    public double Edge { get; init; } = 0.5;

    /// <summary>Places on the way of <see cref="AtGenerality"/>, the most general first.</summary>
    public static IReadOnlyList<double> Generalities { get; } = [5, 3, 1.5, 0.5, 0];

    /// <summary>
    /// The same settings at a place on one way from general repairs to local ones: the place is the margin, the silence
    /// grows as it falls, and at 0 no gate is shared.
    /// </summary>
    /// <param name="generality">The place, at least 0.</param>
    public RepairSettings AtGenerality(double generality) =>
        generality <= 0
            ? this with
            {
                Shared = false,
            }
            : this with
            {
                Margin = generality,
                Silence = Silence * Math.Max(1, 5 / generality),
            };

    /// <summary>The settings by name, as a patch's provenance states them.</summary>
    internal IReadOnlyDictionary<string, string> Describe() =>
        new Dictionary<string, string>
        {
            ["shared"] = Shared switch
            {
                true => "yes",
                false => "no",
                _ => "auto",
            },
            ["shared-units"] = Text(SharedUnits),
            ["widen"] = Text(Widen),
            ["margin"] = Text(Margin),
            ["divergence"] = Text(Divergence),
            ["near"] = Text(Near),
            ["silence"] = Text(Silence),
            ["lr"] = Text(LearningRate),
            ["steps"] = Text(Steps),
            ["edge"] = Text(Edge),
        };

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require("shared-units", SharedUnits, SettingRange.Positive);
        SettingCheck.Require("widen", Widen, SettingRange.NotNegative);
        SettingCheck.Require("margin", Margin, SettingRange.NotNegative);
        SettingCheck.Require("divergence", Divergence, SettingRange.NotNegative);
        SettingCheck.Require("near", Near, SettingRange.NotNegative);
        SettingCheck.Require("silence", Silence, SettingRange.NotNegative);
        SettingCheck.Require("lr", LearningRate, SettingRange.Positive);
        SettingCheck.Require("steps", Steps, SettingRange.Positive);
        SettingCheck.Require("edge", Edge, SettingRange.BelowOne);
    }

    static string Text(double value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
