namespace Retouch.Editing;

/// <summary>The settings of <see cref="GateRepair"/>. Immutable.</summary>
public sealed record RepairSettings : IMethodSettings<RepairSettings>
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
            Setting
                .Count<RepairSettings>(
                    "shared-units",
                    "number of shared units",
                    SettingRange.AtLeast(1),
                    s => s.SharedUnits,
                    (s, v) => s with { SharedUnits = v },
                    "units that images share, at most"
                )
                .AsDetail(),
            Setting.Count<RepairSettings>(
                "widen",
                "number of units to add",
                SettingRange.AtLeast(0),
                s => s.Widen,
                (s, v) => s with { Widen = v },
                "units that are added to the last FFN, at most; 0 to take idle ones"
            ),
            Setting
                .Number<RepairSettings>(
                    "margin",
                    "margin",
                    SettingRange.NotNegative,
                    s => s.Margin,
                    (s, v) => s with { Margin = v },
                    "by how much the right class is to lead, in logits"
                )
                .Swept(["1.5", "5"], ["0.5", "1.5", "3", "5"]),
            Setting
                .Number<RepairSettings>(
                    "divergence",
                    "weight of the divergence",
                    SettingRange.NotNegative,
                    s => s.Divergence,
                    (s, v) => s with { Divergence = v },
                    "the weight of the divergence from the unedited model on ordinary images"
                )
                .AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "near",
                    "weight of right images",
                    SettingRange.NotNegative,
                    s => s.Near,
                    (s, v) => s with { Near = v },
                    "the weight of images that are to stay right, where there are some"
                )
                .AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "silence",
                    "weight of silence",
                    SettingRange.NotNegative,
                    s => s.Silence,
                    (s, v) => s with { Silence = v },
                    "the weight of the units' silence on ordinary and right images"
                )
                .AsDetail(),
            Setting
                .Number<RepairSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size"
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
                .AsDetail()
        );

    /// <summary>The settings by name, as a patch's provenance states them.</summary>
    internal IReadOnlyDictionary<string, string> Describe() => Table.Describe(this);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
