namespace Retouch.Editing;

/// <summary>The settings of <see cref="AlphaEdit"/>. Immutable.</summary>
public sealed record AlphaEditSettings
{
    /// <summary>The block (zero-based) whose fc2 is edited, behind the cut; null for the last of the edit space.</summary>
    public int? Block { get; init; }

    /// <summary>The share of the [CLS] keys in the keys' second moment, in [0,1]; the rest is that of all tokens.</summary>
    public double ClassShare { get; init; } = 0.5;

    /// <summary>
    /// How much of the preserved keys' energy (the trace of their second moment) the null space may hold, in
    /// [0,1]: the directions of least energy that together hold at most this share count as null.
    /// </summary>
    public double NullEnergy { get; init; } = 0.02;

    /// <summary>The weight of the change's squared norm (1 in the paper), relative to the squared length of the projected key.</summary>
    public double Regularization { get; init; } = 1e-2;

    /// <summary>How the wanted value is found.</summary>
    public ValueSettings Value { get; init; } = new();

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        SettingCheck.Require(ClassShare is >= 0 and <= 1, "share of [CLS] keys", ClassShare, "from 0 to 1");
        SettingCheck.Require(NullEnergy is >= 0 and <= 1, "null space's energy", NullEnergy, "from 0 to 1");
        SettingCheck.NotNegative("regularization", Regularization);
        Value.Validate();
    }

    internal SortedDictionary<string, string> Describe(int block)
    {
        SortedDictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["block"] = SettingCheck.Text(block),
            ["classShare"] = SettingCheck.Text(ClassShare),
            ["nullEnergy"] = SettingCheck.Text(NullEnergy),
            ["regularization"] = SettingCheck.Text(Regularization),
        };
        Value.Describe(settings);
        return settings;
    }
}
