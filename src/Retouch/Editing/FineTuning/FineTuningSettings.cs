namespace Retouch.Editing;

/// <summary>The settings of <see cref="FineTuning"/>; the defaults are the published constants. Immutable.</summary>
public sealed record FineTuningSettings : IMethodSettings<FineTuningSettings>
{
    /// <summary>What keeps the change small.</summary>
    public FineTuningPenalty Penalty { get; init; }

    /// <summary>The penalty's weight, at least 0; published: 0, .001, .005, .01, .025, .05, .1.</summary>
    public double Strength { get; init; }

    /// <summary>The step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>
    /// Whether the first step is one of plain gradient descent, as in the published code; otherwise all are RMSprop's.
    /// </summary>
    public bool FirstStepPlain { get; init; } = true;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square, above 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <inheritdoc/>
    public static SettingTable<FineTuningSettings> Table { get; } =
        new(
            Setting
                .Number<FineTuningSettings>(
                    "strength",
                    "penalty's strength",
                    SettingRange.NotNegative,
                    s => s.Strength,
                    (s, v) => s with { Strength = v },
                    "the penalty's weight"
                )
                .AsDetail(),
            Setting.Number<FineTuningSettings>(
                "lr",
                "learning rate",
                SettingRange.Positive,
                s => s.LearningRate,
                (s, v) => s with { LearningRate = v },
                "RMSprop's step size"
            ),
            CommonSettings.Steps<FineTuningSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            Setting
                .Choice<FineTuningSettings>(
                    "firstStep",
                    ["sgd", "rmsprop"],
                    s => s.FirstStepPlain ? "sgd" : "rmsprop",
                    (s, v) => s with { FirstStepPlain = v == "sgd" },
                    "what takes the first step"
                )
                .AsDetail(),
            CommonSettings.Alpha<FineTuningSettings>(s => s.Alpha, (s, v) => s with { Alpha = v }),
            CommonSettings.Epsilon<FineTuningSettings>(s => s.Epsilon, (s, v) => s with { Epsilon = v }),
            CommonSettings.StopLoss<FineTuningSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v }).AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Table.Validate(this);
        SettingCheck.Require(
            Penalty != FineTuningPenalty.None || Strength == 0,
            "penalty's strength",
            Strength,
            "0 where there is no penalty"
        );
    }
}
