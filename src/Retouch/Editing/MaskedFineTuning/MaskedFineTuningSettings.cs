using System.Globalization;

namespace Retouch.Editing;

/// <summary>The settings of <see cref="MaskedFineTuning"/>; the defaults are the published constants. Immutable.</summary>
public sealed record MaskedFineTuningSettings
{
    /// <summary>The share of units to edit, in (0,1]: 0.05 is the paper's sparsity of 0.95.</summary>
    public double KeepRatio { get; init; } = 0.05;

    /// <summary>RMSprop's step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its loss is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>The seed that a locator may have used; recorded in the patch.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(KeepRatio is > 0 and <= 1, "keep ratio", KeepRatio, "above 0 and at most 1");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, "learning rate", LearningRate, "above 0");
        Require(Alpha is >= 0 and < 1, "alpha", Alpha, "at least 0 and below 1");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, "epsilon", Epsilon, "above 0");
        Require(MaxSteps >= 1, "number of steps", MaxSteps, "at least 1");
        Require(StopLoss >= 0, "stop loss", StopLoss, "at least 0");
    }

    internal SortedDictionary<string, string> Describe(string locator) => new(StringComparer.Ordinal)
    {
        ["locator"] = locator,
        ["keep"] = Text(KeepRatio),
        ["lr"] = Text(LearningRate),
        ["alpha"] = Text(Alpha),
        ["eps"] = Text(Epsilon),
        ["steps"] = Text(MaxSteps),
        ["stopLoss"] = Text(StopLoss),
        ["optimizer"] = "rmsprop",
        ["precision"] = "float32",
    };

    static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw new BadInputException($"The {name} is {Text(value)}; it must be {range}.");
    }
}
