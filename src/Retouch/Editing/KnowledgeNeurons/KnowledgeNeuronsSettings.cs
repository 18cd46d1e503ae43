namespace Retouch.Editing;

/// <summary>The settings of <see cref="KnowledgeNeurons"/>. Immutable.</summary>
public sealed record KnowledgeNeuronsSettings : IMethodSettings<KnowledgeNeuronsSettings>
{
    /// <summary>Points of the integral, m, at least 1; published: 20.</summary>
    public int Points { get; init; } = 20;

    /// <summary>
    /// A unit is a knowledge neuron if its attribution is above this share of the greatest, in (0,1); published: 0.2.
    /// </summary>
    public double Threshold { get; init; } = 0.2;

    /// <summary>Knowledge neurons at most, those of the greatest attribution; at least 1.</summary>
    public int MostNeurons { get; init; } = 20;

    /// <summary>
    /// Units that are knowledge neurons of more than this share of ordinary images are left out, in [0,1]; needs
    /// statistics below 1.
    /// </summary>
    public double MaxShare { get; init; } = 1;

    /// <summary>
    /// How much of the right class's direction is added to a neuron's value, λ₂, above 0, in lengths of the value;
    /// published: 8 word embeddings.
    /// </summary>
    public double Gain { get; init; } = 2;

    /// <summary>
    /// How much of the wrong class's direction is taken away, λ₁, at least 0, as a share of <see cref="Gain"/>;
    /// published: 1/8.
    /// </summary>
    public double Loss { get; init; } = 0.125;

    /// <inheritdoc/>
    public static SettingTable<KnowledgeNeuronsSettings> Table { get; } =
        new(
            Setting
                .Number<KnowledgeNeuronsSettings>(
                    "gain",
                    "gain",
                    SettingRange.Positive,
                    s => s.Gain,
                    (s, v) => s with { Gain = v },
                    "how much of the right class's direction a neuron's value gains, in its own lengths"
                )
                .Swept(["0.5", "1", "2"], ["0.25", "0.5", "1", "2", "4", "8"]),
            Setting.Number<KnowledgeNeuronsSettings>(
                "maxShare",
                "largest share of images",
                SettingRange.ZeroToOne,
                s => s.MaxShare,
                (s, v) => s with { MaxShare = v },
                "units that serve more than this share of ordinary images are left out"
            ),
            Setting.Count<KnowledgeNeuronsSettings>(
                "neurons",
                "number of neurons",
                SettingRange.AtLeast(1),
                s => s.MostNeurons,
                (s, v) => s with { MostNeurons = v },
                "knowledge neurons at most"
            ),
            Setting
                .Count<KnowledgeNeuronsSettings>(
                    "points",
                    "number of points",
                    SettingRange.AtLeast(1),
                    s => s.Points,
                    (s, v) => s with { Points = v },
                    "points of the integral of gradients"
                )
                .AsDetail(),
            Setting
                .Number<KnowledgeNeuronsSettings>(
                    "threshold",
                    "threshold",
                    SettingRange.Within,
                    s => s.Threshold,
                    (s, v) => s with { Threshold = v },
                    "the share of the greatest attribution above which a unit is a knowledge neuron"
                )
                .AsDetail(),
            Setting
                .Number<KnowledgeNeuronsSettings>(
                    "loss",
                    "loss",
                    SettingRange.NotNegative,
                    s => s.Loss,
                    (s, v) => s with { Loss = v },
                    "how much of the wrong class's direction is taken away, as a share of the gain"
                )
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
