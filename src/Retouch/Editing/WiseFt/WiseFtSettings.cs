namespace Retouch.Editing;

/// <summary>The settings of <see cref="WiseFt"/>. Immutable.</summary>
public sealed record WiseFtSettings : IMethodSettings<WiseFtSettings>
{
    /// <summary>
    /// α, the share of the way from the model to the fine-tuned one, in [0,1]: the knob between locality (small) and
    /// generalization.
    /// </summary>
    public double Mix { get; init; } = 0.5;

    /// <summary>
    /// The fine-tuning, with longer steps than without a mix: at the published ones half of the way corrects half of
    /// the images.
    /// </summary>
    public FineTuningSettings Tuning { get; init; } = new() { LearningRate = 1e-4 };

    /// <inheritdoc/>
    public static SettingTable<WiseFtSettings> Table { get; } =
        new(
            Setting
                .Number<WiseFtSettings>(
                    "mix",
                    "mix",
                    SettingRange.ZeroToOne,
                    s => s.Mix,
                    (s, v) => s with { Mix = v },
                    "the share of the way from the model to the fine-tuned one"
                )
                .Swept(["0.25", "0.5", "0.75"], ["0.1", "0.25", "0.5", "0.75", "1"]),
            Setting
                .Number<WiseFtSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.Tuning.LearningRate,
                    (s, v) => s with { Tuning = s.Tuning with { LearningRate = v } },
                    "RMSprop's step size"
                )
                .Swept(["0.0001"], ["2E-05", "5E-05", "0.0001"]),
            CommonSettings.Steps<WiseFtSettings>(
                s => s.Tuning.MaxSteps,
                (s, v) => s with { Tuning = s.Tuning with { MaxSteps = v } }
            ),
            CommonSettings
                .StopLoss<WiseFtSettings>(
                    s => s.Tuning.StopLoss,
                    (s, v) => s with { Tuning = s.Tuning with { StopLoss = v } },
                    "the loss at which fine-tuning is done"
                )
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Table.Validate(this);
        Tuning.Validate();
    }
}
