namespace Retouch.Editing;

/// <summary>How <see cref="Rome"/> and <see cref="AlphaEdit"/> find the value that an FFN shall give. Immutable.</summary>
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

    internal void Validate()
    {
        SettingCheck.Positive("value's learning rate", LearningRate);
        SettingCheck.AtLeastOne("number of steps", MaxSteps);
        SettingCheck.NotNegative("stop loss", StopLoss);
        SettingCheck.NotNegative("value's decay", Decay);
        SettingCheck.Positive("largest change of the value", MaxChange);
    }

    internal void Describe(SortedDictionary<string, string> settings)
    {
        settings["lr"] = SettingCheck.Text(LearningRate);
        settings["steps"] = SettingCheck.Text(MaxSteps);
        settings["stopLoss"] = SettingCheck.Text(StopLoss);
        settings["decay"] = SettingCheck.Text(Decay);
        settings["maxChange"] = SettingCheck.Text(MaxChange);
    }
}
