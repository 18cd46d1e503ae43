namespace Retouch.Editing;

/// <summary>The settings of <see cref="Rome"/>. Immutable.</summary>
public sealed record RomeSettings
{
    /// <summary>The block (zero-based) whose fc2 is edited, behind the cut; null for the last of the edit space.</summary>
    public int? Block { get; init; }

    /// <summary>The share of the [CLS] keys in the keys' second moment, in [0,1]; the rest is that of all tokens.</summary>
    public double ClassShare { get; init; } = 0.5;

    /// <summary>What is added to the diagonal of the moment, relative to its mean, above 0.</summary>
    public double Ridge { get; init; } = 1e-3;

    /// <summary>How the wanted value is found.</summary>
    public ValueSettings Value { get; init; } = new();

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require(ClassShare is >= 0 and <= 1, "share of [CLS] keys", ClassShare, "from 0 to 1");
        SettingCheck.Positive("ridge", Ridge);
        Value.Validate();
    }

    internal SortedDictionary<string, string> Describe(int block)
    {
        SortedDictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["block"] = SettingCheck.Text(block),
            ["classShare"] = SettingCheck.Text(ClassShare),
            ["ridge"] = SettingCheck.Text(Ridge),
        };
        Value.Describe(settings);
        return settings;
    }
}
