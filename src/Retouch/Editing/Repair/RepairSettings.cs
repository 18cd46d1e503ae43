namespace Retouch.Editing;

/// <summary>The settings of <see cref="GateRepair"/>. Immutable.</summary>
public sealed record RepairSettings : IMethodSettings<RepairSettings>
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
    /// Where a classifier does not read [CLS] alone and images cannot be told from all others: the share of them that
    /// their own gates may open for, an equal part of it for each, in [0,1).
    /// </summary>
    public double Leak { get; init; } = 0.03;

    /// <summary>
    /// Shifts on the way from general repairs to local ones, the most general first; after the last no gate is shared.
    /// </summary>
    public static IReadOnlyList<double> Shifts { get; } = [1.5, 1, 0.5, 0, -1, -2, -3, -5];

    /// <inheritdoc/>
    public static SettingTable<RepairSettings> Table { get; } =
        new(
            Setting.Choice<RepairSettings>(
                "shared",
                ["auto", "yes", "no"],
                s =>
                    s.Shared switch
                    {
                        true => "yes",
                        false => "no",
                        _ => "auto",
                    },
                (s, v) => s with { Shared = v == "auto" ? null : v == "yes" },
                "whether images share units; auto to find out"
            ),
            Setting.Count<RepairSettings>(
                "widen",
                "number of units to add",
                SettingRange.AtLeast(0),
                s => s.Widen,
                (s, v) => s with { Widen = v },
                "units that are added to the last FFN, at most; 0 to take idle ones"
            ),
            Setting
                .Choice<RepairSettings>(
                    "right-are-examples",
                    ["auto", "yes", "no"],
                    s =>
                        s.RightAreExamples switch
                        {
                            true => "yes",
                            false => "no",
                            _ => "auto",
                        },
                    (s, v) => s with { RightAreExamples = v == "auto" ? null : v == "yes" },
                    "whether right images are examples of their class, or of none; auto to find out"
                )
                .AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "shift",
                    "shift",
                    SettingRange.Any,
                    s => s.Shift,
                    (s, v) => s with { Shift = v },
                    "how far shared units open, in log-odds"
                )
                .Swept(["0", "1"], ["-1", "0", "1", "1.5"]),
            Setting
                .Number<RepairSettings>(
                    "decay",
                    "decay",
                    SettingRange.Positive,
                    s => s.Decay,
                    (s, v) => s with { Decay = v },
                    "the ridge on the keys of shared units"
                )
                .AsDetail(),
            CommonSettings.Steps<RepairSettings>(s => s.Steps, (s, v) => s with { Steps = v }).AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "edge",
                    "edge",
                    SettingRange.BelowOne,
                    s => s.Edge,
                    (s, v) => s with { Edge = v },
                    "where an image's own unit opens, on the way from the nearest other image to it"
                )
                .AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "leak",
                    "leak",
                    SettingRange.BelowOne,
                    s => s.Leak,
                    (s, v) => s with { Leak = v },
                    "where the classifier pools tokens: the share of others that all images' own units may open for"
                )
                .AsDetail()
        );

    /// <summary>The settings by name, as a patch's provenance states them.</summary>
    internal IReadOnlyDictionary<string, string> Describe() => Table.Describe(this);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
