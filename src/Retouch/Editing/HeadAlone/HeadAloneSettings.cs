namespace Retouch.Editing;

/// <summary>The settings of <see cref="HeadAlone"/>. Immutable.</summary>
public sealed record HeadAloneSettings : IMethodSettings<HeadAloneSettings>
{
    /// <summary>
    /// The weight of the divergence from the unedited model on ordinary images, at least 0, which is the best that was
    /// measured.
    /// </summary>
    public double Weight { get; init; }

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 300;

    /// <summary>
    /// An edit stops when its prediction is right and its cross-entropy is at most this: the knob between locality
    /// (large) and generalization.
    /// </summary>
    public double StopLoss { get; init; } = 1e-6;

    /// <inheritdoc/>
    public static SettingTable<HeadAloneSettings> Table { get; } =
        new(
            Setting
                .Number<HeadAloneSettings>(
                    "weight",
                    "weight of the divergence",
                    SettingRange.NotNegative,
                    s => s.Weight,
                    (s, v) => s with { Weight = v },
                    "the weight of the divergence from the unedited model on ordinary images"
                )
                .Swept(["0", "10000"], ["0", "1", "100", "10000"]),
            Setting
                .Number<HeadAloneSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size"
                )
                .Swept(["0.001"], ["0.0003", "0.001"]),
            CommonSettings.Steps<HeadAloneSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            CommonSettings
                .StopLoss<HeadAloneSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v })
                .Swept(["0.01", "1E-06"], ["0.1", "0.01", "0.001", "0.0001", "1E-06"])
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
