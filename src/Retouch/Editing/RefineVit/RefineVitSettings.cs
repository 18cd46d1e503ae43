namespace Retouch.Editing;

/// <summary>The settings of <see cref="RefineVit"/>. Immutable.</summary>
public sealed record RefineVitSettings
{
    /// <summary>Attention heads to ablate at most, at least 0; only those whose ablation helps are.</summary>
    public int Heads { get; init; } = 1;

    /// <summary>The weight of the distance between the refined and the unedited representation of ordinary images, at least 0.</summary>
    public double Locality { get; init; } = 10;

    /// <summary>Adam's step size on the projection, above 0.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 200;

    /// <summary>An edit stops when its prediction is right and its cross-entropy is at most this.</summary>
    public double StopLoss { get; init; } = 0.1;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require(Heads >= 0, "number of heads", Heads, "at least 0");
        SettingCheck.NotNegative("weight of locality", Locality);
        SettingCheck.Positive("learning rate", LearningRate);
        SettingCheck.AtLeastOne("number of steps", MaxSteps);
        SettingCheck.NotNegative("stop loss", StopLoss);
    }

    internal SortedDictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["heads"] = SettingCheck.Text(Heads),
        ["locality"] = SettingCheck.Text(Locality),
        ["lr"] = SettingCheck.Text(LearningRate),
        ["steps"] = SettingCheck.Text(MaxSteps),
        ["stopLoss"] = SettingCheck.Text(StopLoss),
    };
}
