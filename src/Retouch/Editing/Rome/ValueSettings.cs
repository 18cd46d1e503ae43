namespace Retouch.Editing;

/// <summary>
/// How <see cref="Rome"/> and <see cref="AlphaEdit"/> find the value that an FFN shall give. Immutable.
/// </summary>
public sealed record ValueSettings
{
    /// <summary>Adam's step size on the value, above 0, as a share of the length of the value as it is.</summary>
    public double LearningRate { get; init; } = 0.05;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 50;

    /// <summary>The value is found when the prediction is right and the loss is at most this.</summary>
    public double StopLoss { get; init; } = 0.05;

    /// <summary>The weight of the squared change, relative to the value's square, in the loss.</summary>
    public double Decay { get; init; } = 1e-3;

    /// <summary>The change is at most this many times as long as the value, above 0.</summary>
    public double MaxChange { get; init; } = 4;

    /// <summary>The settings of how a value is found, as part of a method's.</summary>
    internal static IReadOnlyList<Setting<T>> Settings<T>(Func<T, ValueSettings> get, Func<T, ValueSettings, T> with) =>
        [
            CommonSettings.StopLoss<T>(
                s => get(s).StopLoss,
                (s, v) => with(s, get(s) with { StopLoss = v }),
                "the loss at which the wanted value is found"
            ),
            Setting
                .Number<T>(
                    "lr",
                    "value's learning rate",
                    SettingRange.Positive,
                    s => get(s).LearningRate,
                    (s, v) => with(s, get(s) with { LearningRate = v }),
                    "Adam's step size on the value, as a share of its length"
                )
                .AsDetail(),
            CommonSettings.Steps<T>(s => get(s).MaxSteps, (s, v) => with(s, get(s) with { MaxSteps = v })).AsDetail(),
            Setting
                .Number<T>(
                    "decay",
                    "value's decay",
                    SettingRange.NotNegative,
                    s => get(s).Decay,
                    (s, v) => with(s, get(s) with { Decay = v }),
                    "the weight of the squared change in the loss"
                )
                .AsDetail(),
            Setting
                .Number<T>(
                    "maxChange",
                    "largest change of the value",
                    SettingRange.Positive,
                    s => get(s).MaxChange,
                    (s, v) => with(s, get(s) with { MaxChange = v }),
                    "the longest change, in lengths of the value"
                )
                .AsDetail(),
        ];
}
