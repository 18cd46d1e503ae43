namespace Retouch.Editing;

/// <summary>The settings of <see cref="TPatcher"/>. Immutable.</summary>
public sealed record TPatcherSettings : IMethodSettings<TPatcherSettings>
{
    /// <summary>How many queries of the memory take part, spread evenly over it, at least 1.</summary>
    public int Memory { get; init; } = 700;

    /// <summary>The weight of the activation loss, at least 0.</summary>
    public double ActivationWeight { get; init; } = 1;

    /// <summary>The weight of the two memory losses, at least 0.</summary>
    public double MemoryWeight { get; init; } = 10;

    /// <summary>
    /// What the neuron may read at most on the memory, β, below 0: published -3, where a GELU is all but 0.
    /// </summary>
    public double Silence { get; init; } = -3;

    /// <summary>By how much the image's reading shall exceed the memory's, above 0; published 3.</summary>
    public double Margin { get; init; } = 3;

    /// <summary>The share of the memory, that of the loudest queries, in the memory losses, in (0,1].</summary>
    public double Loudest { get; init; } = 0.1;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 400;

    /// <summary>
    /// An edit stops when its prediction is right, the memory silent, and its cross-entropy at most this.
    /// </summary>
    public double StopLoss { get; init; } = 0.01;

    /// <inheritdoc/>
    public static SettingTable<TPatcherSettings> Table { get; } =
        new(
            Setting
                .Count<TPatcherSettings>(
                    "memory",
                    "size of the memory",
                    SettingRange.AtLeast(1),
                    s => s.Memory,
                    (s, v) => s with { Memory = v },
                    "how many ordinary images the unit is to be silent on"
                )
                .Swept(["2", "50", "700"], ["1", "2", "5", "20", "50", "200", "700"]),
            Setting
                .Number<TPatcherSettings>(
                    "activationWeight",
                    "activation loss's weight",
                    SettingRange.NotNegative,
                    s => s.ActivationWeight,
                    (s, v) => s with { ActivationWeight = v },
                    "the weight of the activation loss"
                )
                .AsDetail(),
            Setting
                .Number<TPatcherSettings>(
                    "memoryWeight",
                    "memory loss's weight",
                    SettingRange.NotNegative,
                    s => s.MemoryWeight,
                    (s, v) => s with { MemoryWeight = v },
                    "the weight of the two memory losses"
                )
                .AsDetail(),
            Setting
                .Number<TPatcherSettings>(
                    "silence",
                    "silence",
                    new(v => double.IsFinite(v) && v < 0, "below 0"),
                    s => s.Silence,
                    (s, v) => s with { Silence = v },
                    "what the unit may read at most on the memory"
                )
                .AsDetail(),
            Setting
                .Number<TPatcherSettings>(
                    "margin",
                    "margin",
                    SettingRange.Positive,
                    s => s.Margin,
                    (s, v) => s with { Margin = v },
                    "by how much the image's reading shall exceed the memory's"
                )
                .AsDetail(),
            Setting
                .Number<TPatcherSettings>(
                    "loudest",
                    "loudest share of the memory",
                    SettingRange.Share,
                    s => s.Loudest,
                    (s, v) => s with { Loudest = v },
                    "the share of the memory, that of the loudest queries, in the memory losses"
                )
                .AsDetail(),
            Setting
                .Number<TPatcherSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size"
                )
                .AsDetail(),
            CommonSettings.Steps<TPatcherSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }).AsDetail(),
            CommonSettings.StopLoss<TPatcherSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v }).AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
