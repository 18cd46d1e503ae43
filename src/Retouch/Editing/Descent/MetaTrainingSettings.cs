using System.Globalization;

namespace Retouch.Editing;

/// <summary>
/// The settings of the meta-training of <see cref="Mend"/> and <see cref="KnowledgeEditor"/>. Immutable.
/// </summary>
sealed record MetaTrainingSettings
{
    /// <summary>Adam steps, at least 1.</summary>
    public int Steps { get; init; } = 600;

    /// <summary>Edits a step, at least 1.</summary>
    public int Batch { get; init; } = 2;

    /// <summary>Pseudo-failures to learn from, at least 2; kept in memory as prefixes.</summary>
    public int Samples { get; init; } = 200;

    /// <summary>Other images whose prediction an edit should keep, an edit, at least 1.</summary>
    public int Others { get; init; } = 3;

    /// <summary>Adam's step size, above 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>
    /// The weight of the edit's cross-entropy beside the divergence on other images, above 0; MEND publishes 0.1.
    /// </summary>
    public double EditWeight { get; init; } = 0.1;

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require("number of meta-training steps", Steps, SettingRange.AtLeast(1));
        SettingCheck.Require("number of edits a step", Batch, SettingRange.AtLeast(1));
        SettingCheck.Require(Samples >= 2, "number of pseudo-failures", Samples, "at least 2");
        SettingCheck.Require(
            Others >= 1 && Others < Samples,
            "number of other images",
            Others,
            $"at least 1 and below the {Samples} pseudo-failures"
        );
        SettingCheck.Require("meta-training learning rate", LearningRate, SettingRange.Positive);
        SettingCheck.Require("weight of the edit", EditWeight, SettingRange.Positive);
    }

    internal SortedDictionary<string, string> Describe() =>
        new(StringComparer.Ordinal)
        {
            ["steps"] = SettingCheck.Text(Steps),
            ["batch"] = SettingCheck.Text(Batch),
            ["samples"] = SettingCheck.Text(Samples),
            ["others"] = SettingCheck.Text(Others),
            ["lr"] = SettingCheck.Text(LearningRate),
            ["editWeight"] = SettingCheck.Text(EditWeight),
            ["seed"] = Seed.ToString(CultureInfo.InvariantCulture),
        };
}
