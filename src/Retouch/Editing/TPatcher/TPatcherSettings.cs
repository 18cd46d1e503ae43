namespace Retouch.Editing;

/// <summary>The settings of <see cref="TPatcher"/>. Immutable.</summary>
public sealed record TPatcherSettings
{
    /// <summary>How many queries of the memory take part, spread evenly over it, at least 1.</summary>
    public int Memory { get; init; } = 700;

    /// <summary>The weight of the activation loss, at least 0.</summary>
    public double ActivationWeight { get; init; } = 1;

    /// <summary>The weight of the two memory losses, at least 0.</summary>
    public double MemoryWeight { get; init; } = 10;

    /// <summary>What the neuron may read at most on the memory, β, below 0: published -3, where a GELU is all but 0.</summary>
    public double Silence { get; init; } = -3;

    /// <summary>By how much the image's reading shall exceed the memory's, above 0; published 3.</summary>
    public double Margin { get; init; } = 3;

    /// <summary>The share of the memory, that of the loudest queries, in the memory losses, in (0,1].</summary>
    public double Loudest { get; init; } = 0.1;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 400;

    /// <summary>An edit stops when its prediction is right, the memory silent, and its cross-entropy at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.AtLeastOne("size of the memory", Memory);
        SettingCheck.NotNegative("activation loss's weight", ActivationWeight);
        SettingCheck.NotNegative("memory loss's weight", MemoryWeight);
        SettingCheck.Require(double.IsFinite(Silence) && Silence < 0, "silence", Silence, "below 0");
        SettingCheck.Positive("margin", Margin);
        SettingCheck.Require(Loudest is > 0 and <= 1, "loudest share of the memory", Loudest, "above 0 and at most 1");
        SettingCheck.Positive("learning rate", LearningRate);
        SettingCheck.AtLeastOne("number of steps", MaxSteps);
        SettingCheck.NotNegative("stop loss", StopLoss);
    }

    internal SortedDictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["memory"] = SettingCheck.Text(Memory),
        ["activationWeight"] = SettingCheck.Text(ActivationWeight),
        ["memoryWeight"] = SettingCheck.Text(MemoryWeight),
        ["silence"] = SettingCheck.Text(Silence),
        ["margin"] = SettingCheck.Text(Margin),
        ["loudest"] = SettingCheck.Text(Loudest),
        ["lr"] = SettingCheck.Text(LearningRate),
        ["steps"] = SettingCheck.Text(MaxSteps),
        ["stopLoss"] = SettingCheck.Text(StopLoss),
    };
}
