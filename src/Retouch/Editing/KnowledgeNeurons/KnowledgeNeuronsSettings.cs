namespace Retouch.Editing;

/// <summary>The settings of <see cref="KnowledgeNeurons"/>. Immutable.</summary>
public sealed record KnowledgeNeuronsSettings
{
    /// <summary>Points of the integral, m, at least 1; published: 20.</summary>
    public int Points { get; init; } = 20;

    /// <summary>A unit is a knowledge neuron if its attribution is above this share of the greatest, in (0,1); published: 0.2.</summary>
    public double Threshold { get; init; } = 0.2;

    /// <summary>Knowledge neurons at most, those of the greatest attribution; at least 1.</summary>
    public int MostNeurons { get; init; } = 20;

    /// <summary>Units that are knowledge neurons of more than this share of ordinary images are left out, in [0,1]; needs statistics below 1.</summary>
    public double MaxShare { get; init; } = 1;

    /// <summary>How much of the right class's direction is added to a neuron's value, λ₂, above 0, in lengths of the value; published: 8 word embeddings.</summary>
    public double Gain { get; init; } = 2;

    /// <summary>How much of the wrong class's direction is taken away, λ₁, at least 0, as a share of <see cref="Gain"/>; published: 1/8.</summary>
    public double Loss { get; init; } = 0.125;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.AtLeastOne("number of points", Points);
        SettingCheck.Require(Threshold is > 0 and < 1, "threshold", Threshold, "above 0 and below 1");
        SettingCheck.AtLeastOne("number of neurons", MostNeurons);
        SettingCheck.Require(MaxShare is >= 0 and <= 1, "largest share of images", MaxShare, "from 0 to 1");
        SettingCheck.Positive("gain", Gain);
        SettingCheck.NotNegative("loss", Loss);
    }

    internal SortedDictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["points"] = SettingCheck.Text(Points),
        ["threshold"] = SettingCheck.Text(Threshold),
        ["neurons"] = SettingCheck.Text(MostNeurons),
        ["maxShare"] = SettingCheck.Text(MaxShare),
        ["gain"] = SettingCheck.Text(Gain),
        ["loss"] = SettingCheck.Text(Loss),
    };
}
