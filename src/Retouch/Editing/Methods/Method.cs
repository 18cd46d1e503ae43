using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Editing;

/// <summary>
/// A method of editing: what it is, what can be set, what it needs, and how to make its editor. The one definition
/// from which verbs, benchmarks and reports work. Immutable.
/// </summary>
public abstract class Method
{
    private protected Method(string name, string title, string paper)
    {
        (Name, Title, Paper) = (name, title, paper);
        ShortName = name;
    }

    /// <summary>The method's name, <see cref="IEditor.Name"/> of its editors.</summary>
    public string Name { get; }

    /// <summary>What it does, one line.</summary>
    public string Title { get; }

    /// <summary>Where it was published.</summary>
    public string Paper { get; }

    /// <summary>What figures call it: its authors' own abbreviation.</summary>
    public string ShortName { get; init; }

    /// <summary>The settings, in the order in which sweeps nest.</summary>
    public abstract IReadOnlyList<MethodSetting> Settings { get; }

    /// <summary>
    /// Whether a next edit can start from the model that an edit left; not where an edit adds hidden units.
    /// </summary>
    public bool Sequential { get; init; } = true;

    /// <summary>Whether an edit adds hidden units and leaves the model's own as they are.</summary>
    public bool AddsUnits { get; init; }

    /// <summary>The blocks whose FFNs it edits where nobody says others; the paper's window for most.</summary>
    public Func<VitConfig, EditSpace> Window { get; init; } = EditSpace.Default;

    /// <summary>Makes what the method learns from ordinary images; null where it learns nothing.</summary>
    public Func<IPreparation>? NewPreparation { get; init; }

    /// <summary>The kind of that preparation; null for none.</summary>
    public string? PreparationKind => NewPreparation?.Invoke().Name;

    /// <summary>
    /// Places on one way from general edits to local ones, the most general first; empty where there is no such way.
    /// </summary>
    public abstract IReadOnlyList<double> Generalities { get; }

    /// <summary>The settings that change along that way.</summary>
    public abstract IReadOnlyList<string> GeneralitySettings { get; }

    /// <summary>Settings at a place on that way.</summary>
    /// <param name="settings">Values by the setting's name; those that change along the way are replaced.</param>
    /// <param name="generality">The place, above 0.</param>
    /// <exception cref="InvalidOperationException">There is no such way.</exception>
    /// <exception cref="BadInputException">The place or a value is out of range.</exception>
    public abstract IReadOnlyDictionary<string, string> AtGenerality(
        IReadOnlyDictionary<string, string> settings,
        double generality
    );

    /// <summary>The settings of a sweep: every combination of values, each in one spelling.</summary>
    /// <param name="sweep">How many values of each setting.</param>
    /// <param name="given">
    /// Values that take the place of the sweep's own, by name; other names are ignored. Null for none.
    /// </param>
    /// <param name="resources">What is at hand; null for nothing.</param>
    /// <returns>For each combination the settings that are no details or were given.</returns>
    /// <exception cref="BadInputException">A value is none, or out of range.</exception>
    public abstract IReadOnlyList<IReadOnlyDictionary<string, string>> Grid(
        Sweep sweep,
        IReadOnlyDictionary<string, IReadOnlyList<string>>? given = null,
        EditorResources? resources = null
    );

    /// <summary>An editor under settings; those that are not named have their defaults.</summary>
    /// <param name="settings">Values by the setting's name.</param>
    /// <param name="resources">What the method needs beside them.</param>
    /// <exception cref="BadInputException">
    /// There is no such setting, a value is out of range, or a resource is missing.
    /// </exception>
    public abstract IEditor Create(IReadOnlyDictionary<string, string> settings, EditorResources resources);

    /// <summary>Checks settings without making an editor.</summary>
    /// <param name="settings">Values by the setting's name.</param>
    /// <exception cref="BadInputException">There is no such setting, or a value is none or out of range.</exception>
    public abstract void Validate(IReadOnlyDictionary<string, string> settings);

    /// <summary>The kind of preparation that an editor under settings reads; null for none.</summary>
    /// <param name="settings">Values by the setting's name.</param>
    public abstract string? PreparationUsed(IReadOnlyDictionary<string, string> settings);
}
