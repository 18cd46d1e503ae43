namespace Retouch.Editing;

/// <summary>The settings of <see cref="Lora"/>. Immutable.</summary>
public sealed record LoraSettings : IMethodSettings<LoraSettings>
{
    /// <summary>The rank r of each change, at least 1.</summary>
    public int Rank { get; init; } = 4;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>Images that a step takes at most, at least 1.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>The seed of the first factors.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public static SettingTable<LoraSettings> Table { get; } =
        new(
            Setting
                .Number<LoraSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size"
                )
                .Swept(["0.0005", "0.002", "0.005"], ["0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01"]),
            Setting.Count<LoraSettings>(
                "rank",
                "rank",
                SettingRange.AtLeast(1),
                s => s.Rank,
                (s, v) => s with { Rank = v },
                "the rank of each change"
            ),
            Setting
                .Count<LoraSettings>(
                    "batch",
                    "number of images a step",
                    SettingRange.AtLeast(1),
                    s => s.Batch,
                    (s, v) => s with { Batch = v },
                    "images that a step takes at most"
                )
                .AsDetail(),
            CommonSettings.Steps<LoraSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            CommonSettings.StopLoss<LoraSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v }).AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
