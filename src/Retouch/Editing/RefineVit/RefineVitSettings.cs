namespace Retouch.Editing;

/// <summary>The settings of <see cref="RefineVit"/>. Immutable.</summary>
public sealed record RefineVitSettings : IMethodSettings<RefineVitSettings>
{
    /// <summary>Attention heads to ablate at most, at least 0; only those whose ablation helps are.</summary>
    public int Heads { get; init; } = 1;

    /// <summary>
    /// The weight of the distance between the refined and the unedited representation of ordinary images, at least 0.
    /// </summary>
    public double Locality { get; init; } = 10;

    /// <summary>Adam's step size on the projection, above 0.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 200;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.1;

    /// <inheritdoc/>
    public static SettingTable<RefineVitSettings> Table { get; } =
        new(
            Setting
                .Number<RefineVitSettings>(
                    "locality",
                    "weight of locality",
                    SettingRange.NotNegative,
                    s => s.Locality,
                    (s, v) => s with { Locality = v },
                    "the weight of keeping ordinary images' representation"
                )
                .Swept(["1", "100"], ["0.1", "1", "10", "100", "1000"]),
            Setting
                .Count<RefineVitSettings>(
                    "heads",
                    "number of heads",
                    SettingRange.AtLeast(0),
                    s => s.Heads,
                    (s, v) => s with { Heads = v },
                    "attention heads to ablate at most"
                )
                .Swept(["0", "1"], ["0", "1", "2"]),
            Setting
                .Number<RefineVitSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size on the projection"
                )
                .AsDetail(),
            CommonSettings.Steps<RefineVitSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }).AsDetail(),
            CommonSettings.StopLoss<RefineVitSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v }).AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
