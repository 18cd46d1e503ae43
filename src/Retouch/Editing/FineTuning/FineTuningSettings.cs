namespace Retouch.Editing;

/// <summary>The settings of <see cref="FineTuning"/>; the defaults are the published constants. Immutable.</summary>
public sealed record FineTuningSettings
{
    /// <summary>What keeps the change small.</summary>
    public FineTuningPenalty Penalty { get; init; }

    /// <summary>The penalty's weight, at least 0; published: 0, .001, .005, .01, .025, .05, .1.</summary>
    public double Strength { get; init; }

    /// <summary>The step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>Whether the first step is one of plain gradient descent, as in the published code; otherwise all are RMSprop's.</summary>
    public bool FirstStepPlain { get; init; } = true;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square, above 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.NotNegative("penalty's strength", Strength);
        SettingCheck.Require(Penalty != FineTuningPenalty.None || Strength == 0, "penalty's strength", Strength, "0 where there is no penalty");
        SettingCheck.Positive("learning rate", LearningRate);
        SettingCheck.Require(Alpha is >= 0 and < 1, "alpha", Alpha, "at least 0 and below 1");
        SettingCheck.Positive("epsilon", Epsilon);
        SettingCheck.AtLeastOne("number of steps", MaxSteps);
        SettingCheck.NotNegative("stop loss", StopLoss);
    }

    internal SortedDictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["strength"] = SettingCheck.Text(Strength),
        ["lr"] = SettingCheck.Text(LearningRate),
        ["firstStep"] = FirstStepPlain ? "sgd" : "rmsprop",
        ["alpha"] = SettingCheck.Text(Alpha),
        ["eps"] = SettingCheck.Text(Epsilon),
        ["steps"] = SettingCheck.Text(MaxSteps),
        ["stopLoss"] = SettingCheck.Text(StopLoss),
    };
}
