using System.Globalization;
using Retouch.Locating;
using Retouch.Vit;

namespace Retouch.Editing;

/// <summary>A method that a benchmark can run: what it is, what can be turned, what it needs, and how to make its editor. Immutable.</summary>
public sealed class MethodInfo
{
    readonly Func<Values, EditorResources, IEditor> _create;
    readonly Func<IPreparation>? _preparation;

    internal MethodInfo(string name, string title, string paper, IReadOnlyList<MethodKnob> knobs, Func<Values, EditorResources, IEditor> create, Func<IPreparation>? preparation = null)
    {
        (Name, Title, Paper, Knobs, _create, _preparation) = (name, title, paper, knobs, create, preparation);
        PreparationKind = preparation?.Invoke().Name;
    }

    /// <summary>The method's name, <see cref="IEditor.Name"/> of its editors.</summary>
    public string Name { get; }

    /// <summary>What it does, one line.</summary>
    public string Title { get; }

    /// <summary>Where it was published.</summary>
    public string Paper { get; }

    /// <summary>The settings that can be turned.</summary>
    public IReadOnlyList<MethodKnob> Knobs { get; }

    /// <summary>Whether a next edit can start from the model that an edit left; not where an edit adds hidden units.</summary>
    public bool Sequential { get; internal init; } = true;

    /// <summary>The blocks whose FFNs it edits where nobody says others; the paper's window for most.</summary>
    public Func<VitConfig, EditSpace> Window { get; internal init; } = EditSpace.Default;

    /// <summary>The preparation that it needs; null for none.</summary>
    public string? PreparationKind { get; }

    /// <summary>What makes that preparation; null where none is needed.</summary>
    public IPreparation? NewPreparation() => _preparation?.Invoke();

    /// <summary>The settings of a sweep: every combination of the knobs' values.</summary>
    /// <param name="sweep">How many values of each knob.</param>
    /// <param name="given">Values that take the place of the sweep's own, by the knob's name; other names are ignored. Null for none.</param>
    public IReadOnlyList<IReadOnlyDictionary<string, string>> Grid(Sweep sweep, IReadOnlyDictionary<string, IReadOnlyList<string>>? given = null)
    {
        IEnumerable<SortedDictionary<string, string>> settings = [new(StringComparer.Ordinal)];
        foreach (MethodKnob knob in Knobs)
        {
            string[] values = [.. (given?.GetValueOrDefault(knob.Name) ?? knob.Values(sweep)).Select(OneSpelling).Distinct()];
            settings = settings.SelectMany(s => values.Select(v => new SortedDictionary<string, string>(s, StringComparer.Ordinal) { [knob.Name] = v }));
        }
        return [.. settings];
    }

    /// <summary>An editor under settings; knobs that are not among them have their defaults.</summary>
    /// <param name="settings">Values by the knob's name.</param>
    /// <param name="resources">What the method needs beside them.</param>
    /// <exception cref="BadInputException">There is no such knob, a value is out of range, or a resource is missing.</exception>
    public IEditor Create(IReadOnlyDictionary<string, string> settings, EditorResources resources)
    {
        if (settings.Keys.FirstOrDefault(k => !Knobs.Any(knob => knob.Name == k)) is string unknown)
            throw new BadInputException($"The method {Name} has no setting {unknown}; it has {string.Join(", ", Knobs.Select(k => k.Name))}.");
        return _create(new Values(this, settings), resources);
    }

    // 2e-5 and 0.00002 are one setting.
    static string OneSpelling(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? SettingCheck.Text(number) : value;

    /// <summary>Settings as numbers.</summary>
    internal sealed class Values(MethodInfo method, IReadOnlyDictionary<string, string> settings)
    {
        public string Text(string knob) => settings.TryGetValue(knob, out string? value) ? value : method.Knobs.First(k => k.Name == knob).Default;

        public double Number(string knob) => double.TryParse(Text(knob), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value
            : throw new BadInputException($"The setting {knob} of {method.Name} is {Text(knob)}, which is not a number.");

        public int Count(string knob) => int.TryParse(Text(knob), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value
            : throw new BadInputException($"The setting {knob} of {method.Name} is {Text(knob)}, which is not a whole number.");
    }
}
