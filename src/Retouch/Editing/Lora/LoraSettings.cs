namespace Retouch.Editing;

/// <summary>The settings of <see cref="Lora"/>. Immutable.</summary>
public sealed record LoraSettings
{
    /// <summary>The rank r of each change, at least 1.</summary>
    public int Rank { get; init; } = 4;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>The seed of the first factors.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.AtLeastOne("rank", Rank);
        SettingCheck.Positive("learning rate", LearningRate);
        SettingCheck.AtLeastOne("number of steps", MaxSteps);
        SettingCheck.NotNegative("stop loss", StopLoss);
    }

    internal SortedDictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["rank"] = SettingCheck.Text(Rank),
        ["lr"] = SettingCheck.Text(LearningRate),
        ["steps"] = SettingCheck.Text(MaxSteps),
        ["stopLoss"] = SettingCheck.Text(StopLoss),
    };
}
