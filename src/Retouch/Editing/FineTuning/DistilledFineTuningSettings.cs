namespace Retouch.Editing;

/// <summary>The settings of <see cref="DistilledFineTuning"/>. Immutable.</summary>
public sealed record DistilledFineTuningSettings : IMethodSettings<DistilledFineTuningSettings>
{
    /// <summary>
    /// The weight of the mean KL(model ‖ edited) on ordinary images, at least 0: the knob between locality (large) and
    /// generalization.
    /// </summary>
    public double Weight { get; init; } = 1000;

    /// <summary>Images that earlier edits corrected which are trained along, at most; at least 0.</summary>
    public int Replay { get; init; } = 64;

    /// <summary>The weight of the cross-entropy of images that are to stay right, at least 0.</summary>
    public double Near { get; init; } = 1;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 600;

    /// <summary>
    /// An edit stops when its images are right, their cross-entropy is at most this, and what is trained along is
    /// right.
    /// </summary>
    public double StopLoss { get; init; } = 0.1;

    /// <summary>The seed of what is replayed and of the ordinary images of a step.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public static SettingTable<DistilledFineTuningSettings> Table { get; } =
        new(
            Setting
                .Number<DistilledFineTuningSettings>(
                    "weight",
                    "weight of the divergence",
                    SettingRange.NotNegative,
                    s => s.Weight,
                    (s, v) => s with { Weight = v },
                    "the weight of the divergence from the model on ordinary images"
                )
                .Swept(["100", "1000"], ["10", "100", "1000", "10000"]),
            Setting.Count<DistilledFineTuningSettings>(
                "replay",
                "number of replayed images",
                SettingRange.AtLeast(0),
                s => s.Replay,
                (s, v) => s with { Replay = v },
                "images that earlier edits corrected which are trained along, at most"
            ),
            Setting
                .Number<DistilledFineTuningSettings>(
                    "near",
                    "weight of right images",
                    SettingRange.NotNegative,
                    s => s.Near,
                    (s, v) => s with { Near = v },
                    "the weight of images that are to stay right, where there are some"
                )
                .AsDetail(),
            Setting
                .Number<DistilledFineTuningSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size"
                )
                .Swept(["0.0003"], ["0.0001", "0.0003", "0.001"]),
            CommonSettings.Steps<DistilledFineTuningSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            CommonSettings
                .StopLoss<DistilledFineTuningSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v })
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
