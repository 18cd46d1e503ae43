namespace Retouch.Editing;

/// <summary>The settings of a method, in the order in which sweeps nest and lists show them. Immutable.</summary>
/// <typeparam name="T">The record of settings.</typeparam>
public sealed class SettingTable<T>
{
    /// <summary>Creates the table.</summary>
    /// <exception cref="ArgumentException">Two settings have one name.</exception>
    public SettingTable(params IReadOnlyList<Setting<T>> settings)
    {
        if (settings.Select(s => s.Name).Distinct().Count() != settings.Count)
            throw new ArgumentException("Two settings have one name.", nameof(settings));
        Settings = settings;
    }

    /// <summary>The settings.</summary>
    public IReadOnlyList<Setting<T>> Settings { get; }

    /// <summary>The same table with values of one setting that draw the method's curve.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="quick">The values of a quick sweep.</param>
    /// <param name="full">The values of a full sweep.</param>
    public SettingTable<T> Swept(string name, IReadOnlyList<string> quick, IReadOnlyList<string> full) =>
        new([.. Settings.Select(s => s.Name == name ? s.Swept(quick, full) : s)]);

    /// <summary>The same table without a setting, for a method that has no use for it.</summary>
    /// <param name="name">The setting.</param>
    public SettingTable<T> Without(string name) => new([.. Settings.Where(s => s.Name != name)]);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate(T settings)
    {
        foreach (Setting<T> setting in Settings)
            setting.Check(settings);
    }

    /// <summary>Every setting by name, as provenance records them.</summary>
    public SortedDictionary<string, string> Describe(T settings) =>
        new(Settings.ToDictionary(s => s.Name, s => s.Read(settings)), StringComparer.Ordinal);
}
