namespace Retouch.Editing;

/// <summary>The settings of <see cref="GateRepair"/>. Immutable.</summary>
public sealed record RepairSettings
{
    /// <summary>Whether shared gates are tried, or every image gets one of its own; null to find out.</summary>
    public bool? Shared { get; init; }

    /// <summary>
    /// Whether right near images are examples of their class for shared gates, or of none, so that gates stay shut for
    /// them; null to find out.
    /// </summary>
    public bool? RightAreExamples { get; init; }

    /// <summary>Hidden units that are added to the last FFN, at least 0.</summary>
    public int Widen { get; init; }

    /// <summary>
    /// How far shared gates open, added to the logit by which each tells its class's images from others: the knob
    /// between locality (small) and generalization.
    /// </summary>
    public double Shift { get; init; } = 1;

    /// <summary>The ridge on the keys of shared gates, in units of the reading's spread, above 0.</summary>
    public double Decay { get; init; } = 0.01;

    /// <summary>Steps of the shared gates at most, at least 1.</summary>
    public int Steps { get; init; } = 100;

    /// <summary>
    /// Where an image's own gate opens, on the way from the nearest other image to itself, in (0,1).
    /// </summary>
    public double Edge { get; init; } = 0.5;

    /// <summary>
    /// Shifts on the way from general repairs to local ones, the most general first; after the last no gate is shared.
    /// </summary>
    public static IReadOnlyList<double> Shifts { get; } = [1.5, 1, 0.5, 0, -1, -2, -3, -5];

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
            ["widen"] = Text(Widen),
            ["right-are-examples"] = RightAreExamples switch
            {
                true => "yes",
                false => "no",
                _ => "auto",
            },
            ["shift"] = Text(Shift),
            ["decay"] = Text(Decay),
            ["steps"] = Text(Steps),
            ["edge"] = Text(Edge),
        };

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require("widen", Widen, SettingRange.NotNegative);
        SettingCheck.Require("shift", Shift, SettingRange.Any);
        SettingCheck.Require("decay", Decay, SettingRange.Positive);
        SettingCheck.Require("steps", Steps, SettingRange.Positive);
        SettingCheck.Require("edge", Edge, SettingRange.BelowOne);
    }

    static string Text(double value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
