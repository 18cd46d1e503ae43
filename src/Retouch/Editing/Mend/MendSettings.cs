namespace Retouch.Editing;

/// <summary>The settings of <see cref="Mend"/>. Immutable.</summary>
public sealed record MendSettings
{
    /// <summary>What the learned change is multiplied by, above 0.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => SettingCheck.Positive("scale", Scale);

    internal SortedDictionary<string, string> Describe(Locating.Preparation learned)
    {
        SortedDictionary<string, string> settings = new(learned.Settings.ToDictionary(s => "meta." + s.Key, s => s.Value), StringComparer.Ordinal) { ["scale"] = SettingCheck.Text(Scale) };
        return settings;
    }
}
