namespace Retouch.Editing;

/// <summary>
/// The settings of <see cref="XEdit"/>; the defaults are the published constants but for the null space. Immutable.
/// </summary>
public sealed record XEditSettings : IMethodSettings<XEditSettings>
{
    /// <summary>
    /// What an eigenvalue of the ordinary keys' second moment has to be below for its direction to count as null, above
    /// 0; published 0.01. The knob between locality and generalization.
    /// </summary>
    public double NullBound { get; init; } = 0.1;

    /// <summary>Adam's step size on the change of a value, above 0.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Steps a layer, at least 1; all of them are taken.</summary>
    public int MaxSteps { get; init; } = 25;

    /// <summary>The weight of the squared change of a value in its loss, at least 0.</summary>
    public double Decay { get; init; } = 0.01;

    /// <summary>The change of a value is at most this many times as long as the value, above 0.</summary>
    public double MaxChange { get; init; } = 0.75;

    /// <summary>The weight of the squared change of weights, above 0.</summary>
    public double Regularization { get; init; } = 1e-4;

    /// <inheritdoc/>
    public static SettingTable<XEditSettings> Table { get; } =
        new(
            Setting
                .Number<XEditSettings>(
                    "nullBound",
                    "null space's bound",
                    SettingRange.Positive,
                    s => s.NullBound,
                    (s, v) => s with { NullBound = v },
                    "what an eigenvalue of the ordinary keys has to be below to count as null"
                )
                .Swept(["0.01", "0.1", "1"], ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "1000"]),
            Setting
                .Number<XEditSettings>(
                    "maxChange",
                    "largest change of the value",
                    SettingRange.Positive,
                    s => s.MaxChange,
                    (s, v) => s with { MaxChange = v },
                    "the longest change of a value, in lengths of the value"
                )
                .AsDetail(),
            Setting
                .Number<XEditSettings>(
                    "lr",
                    "value's learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "Adam's step size on the change of a value"
                )
                .AsDetail(),
            CommonSettings.Steps<XEditSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }).AsDetail(),
            Setting
                .Number<XEditSettings>(
                    "decay",
                    "value's decay",
                    SettingRange.NotNegative,
                    s => s.Decay,
                    (s, v) => s with { Decay = v },
                    "the weight of the squared change of a value in its loss"
                )
                .AsDetail(),
            Setting
                .Number<XEditSettings>(
                    "regularization",
                    "regularization",
                    SettingRange.Positive,
                    s => s.Regularization,
                    (s, v) => s with { Regularization = v },
                    "the weight of the squared change of weights"
                )
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
