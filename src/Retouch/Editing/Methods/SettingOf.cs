namespace Retouch.Editing;

/// <summary>
/// A setting of a method: its name, range, sweep and help, and where it stands in the method's record of settings.
/// Validation, provenance, options, sweeps and lists all come from it. Immutable.
/// </summary>
/// <typeparam name="T">The record of settings.</typeparam>
public sealed class Setting<T>
{
    internal Setting(
        string name,
        string help,
        string range,
        Func<T, string> read,
        Func<T, string, T> write,
        Action<T> check
    ) => (Name, Help, Range, Read, Write, Check) = (name, help, range, read, write, check);

    Setting(Setting<T> other)
        : this(other.Name, other.Help, other.Range, other.Read, other.Write, other.Check) =>
        (IsDetail, Sweep, Forced) = (other.IsDetail, other.Sweep, other.Forced);

    /// <summary>The name, as options and provenance spell it.</summary>
    public string Name { get; }

    /// <summary>What it does, one line.</summary>
    public string Help { get; }

    /// <summary>Which values it may have: what completes "it must be …".</summary>
    public string Range { get; }

    /// <summary>Whether rows and tables name it only where a value was given.</summary>
    public bool IsDetail { get; private init; }

    /// <summary>The value in its one spelling: 2e-5 and 0.00002 are one setting.</summary>
    internal Func<T, string> Read { get; }

    /// <summary>The settings with another value of this one; refuses a text that is no such value.</summary>
    internal Func<T, string, T> Write { get; }

    /// <summary>Refuses a value out of range.</summary>
    internal Action<T> Check { get; }

    /// <summary>
    /// The values of a sweep, or null for the default alone; gets the settings chosen before it in the table.
    /// </summary>
    internal Func<Sweep, T, EditorResources, IReadOnlyList<string>?> Sweep { get; private init; } = (_, _, _) => null;

    /// <summary>
    /// The value that settings chosen before it leave as the only one; null where they leave the choice.
    /// </summary>
    internal Func<T, string?> Forced { get; private init; } = _ => null;

    /// <summary>The same setting, named in rows and tables only where a value was given.</summary>
    public Setting<T> AsDetail() => new(this) { IsDetail = true };

    /// <summary>The same setting, named in every row, with values that draw the method's curve.</summary>
    /// <param name="quick">The values of a quick sweep.</param>
    /// <param name="full">The values of a full sweep.</param>
    public Setting<T> Swept(IReadOnlyList<string> quick, IReadOnlyList<string> full) =>
        SweptBy(
            (sweep, _, _) =>
                sweep switch
                {
                    Editing.Sweep.Full => full,
                    Editing.Sweep.Quick => quick,
                    _ => null,
                }
        );

    /// <summary>
    /// The same setting, named in every row, whose sweep depends on the settings before it and on what is at hand.
    /// </summary>
    /// <param name="values">The values of a sweep, or null for the default alone.</param>
    public Setting<T> SweptBy(Func<Sweep, T, EditorResources, IReadOnlyList<string>?> values) =>
        new(this) { IsDetail = false, Sweep = values };

    /// <summary>The same setting with a single value where others, before it in the table, leave no choice.</summary>
    /// <param name="value">That value, or null where there is a choice.</param>
    public Setting<T> ForcedBy(Func<T, string?> value) => new(this) { Forced = value };
}
