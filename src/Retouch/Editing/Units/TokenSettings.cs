namespace Retouch.Editing;

/// <summary>
/// How <see cref="Prototype"/> and <see cref="Grace"/> learn the token that takes the place of an image's own.
/// Immutable.
/// </summary>
public sealed record TokenSettings
{
    /// <summary>Adam's step size, above 0, relative to the root mean square of the token as it is.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 200;

    /// <summary>The token is found when it has the label and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>The settings of how a token is learned, as part of a method's.</summary>
    internal static IReadOnlyList<Setting<T>> Settings<T>(Func<T, TokenSettings> get, Func<T, TokenSettings, T> with) =>
        [
            CommonSettings.Steps<T>(s => get(s).MaxSteps, (s, v) => with(s, get(s) with { MaxSteps = v })).AsDetail(),
            Setting
                .Number<T>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => get(s).LearningRate,
                    (s, v) => with(s, get(s) with { LearningRate = v }),
                    "Adam's step size on the token, relative to its root mean square"
                )
                .AsDetail(),
            CommonSettings
                .StopLoss<T>(
                    s => get(s).StopLoss,
                    (s, v) => with(s, get(s) with { StopLoss = v }),
                    "the loss at which the token is found"
                )
                .AsDetail(),
        ];
}
