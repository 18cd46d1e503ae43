using Retouch.Editing;

namespace Retouch.Cli.Verbs;

/// <summary>
/// Which values of settings each method of a run gets. An option such as <c>--locator</c> is the published method's
/// where that is among them, and of other methods only those whose setting has the same default: a locator
/// or a step size of another kind is another setting by the same name.
/// </summary>
/// <param name="methods">The run's methods.</param>
/// <exception cref="BadInputException">There is no such method.</exception>
sealed class BenchKnobs(IReadOnlyList<string> methods)
{
    static readonly string Published = MaskedFineTuning.Definition.Name;

    readonly Method[] _methods = [.. methods.Distinct().Select(Methods.Find)];
    readonly Dictionary<(string Method, string Knob), string[]> _own = [];
    readonly Dictionary<(string Method, string Knob), string[]> _shared = [];
    readonly HashSet<string> _given = [];
    readonly List<string> _notes = [];

    /// <summary>What the user should know: which methods an option does not change.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>The values of a method's settings, by the setting's name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Of(string method) =>
        _shared
            .Concat(_own)
            .Where(k => k.Key.Method == method)
            .GroupBy(k => k.Key.Knob)
            .ToDictionary(g => g.Key, g => (IReadOnlyList<string>)g.Last().Value);

    /// <summary>
    /// Takes <c>NAME=V,…</c> for all methods that have the setting, or <c>METHOD.NAME=V,…</c> for one.
    /// </summary>
    /// <exception cref="BadInputException">No method has it, or it is given twice or without a value.</exception>
    public void Set(string text)
    {
        if (text.Split('=', 2) is not [{ Length: > 0 } name, string values])
            throw new BadInputException(
                $"--set is {text}, but must be a setting's name and values such as strength=0.01,0.1."
            );
        string[] given = Values("--set", name, values);
        if (name.Split('.', 2) is not [string method, string knob])
        {
            foreach (Method holder in Holders(name))
                _shared[(holder.Name, name)] = given;
            Once(name);
            return;
        }
        Method one =
            _methods.FirstOrDefault(m => m.Name == method)
            ?? throw new BadInputException(
                $"--set gives a value to {method}, which is none of the methods {string.Join(", ", methods)}."
            );
        if (!one.Settings.Any(k => k.Name == knob))
            throw new BadInputException(
                $"The method {method} has no setting {knob}; it has "
                    + $"{string.Join(", ", one.Settings.Select(k => k.Name))}."
            );
        _own[(method, knob)] = given;
        Once(name);
    }

    /// <summary>Takes an option's values; after every <see cref="Set"/>.</summary>
    /// <exception cref="BadInputException">
    /// No method has the setting, several have different ones, or it is given twice or without a value.
    /// </exception>
    public void Option(string option, string text)
    {
        string knob = option[2..];
        string[] values = Values(option, knob, text);
        Method[] holders = [.. Holders(knob).Where(m => !_own.ContainsKey((m.Name, knob)))];
        Once(knob);
        string? wanted = (holders.FirstOrDefault(m => m.Name == Published) ?? holders.FirstOrDefault()) is { } first
            ? Default(first, knob)
            : null;
        Method[] others = [.. holders.Where(m => Default(m, knob) != wanted)];
        if (others.Length > 0 && !holders.Any(m => m.Name == Published))
        {
            throw new BadInputException(
                $"{option} names different settings of "
                    + $"{string.Join(" and ", holders.Select(m => $"{m.Name} ({Default(m, knob)} by default)"))}; "
                    + $"say whose it is with --set {holders[0].Name}.{knob}={text}."
            );
        }
        foreach (Method holder in holders.Except(others))
            _shared[(holder.Name, knob)] = values;
        foreach (Method other in others)
        {
            _notes.Add(
                $"{option} is {Published}'s; {other.Name} keeps its own {knob}, {Default(other, knob)} unless swept "
                    + $"(--set {other.Name}.{knob}=… changes it)"
            );
        }
    }

    // A detail is meant where no method has a setting of this name that is none: --lr is not ROME's beside fine-tuning.
    Method[] Holders(string knob)
    {
        Method[] holders = [.. _methods.Where(m => m.Settings.Any(s => s.Name == knob))];
        if (holders.Length == 0)
        {
            throw new BadInputException(
                $"None of the methods {string.Join(", ", methods)} has a setting {knob}; "
                    + "they have "
                    + string.Join(", ", _methods.SelectMany(m => m.Settings).Select(s => s.Name).Distinct())
                    + "."
            );
        }
        Method[] turned = [.. holders.Where(m => m.Settings.Any(s => s.Name == knob && !s.IsDetail))];
        return turned.Length > 0 ? turned : holders;
    }

    static string Default(Method method, string knob) => method.Settings.First(k => k.Name == knob).Default;

    static string[] Values(string option, string knob, string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            is { Length: > 0 } values
            ? values
            : throw new BadInputException($"{option} gives {knob} no value.");

    void Once(string name)
    {
        if (!_given.Add(name))
            throw new BadInputException($"The setting {name} is given twice.");
    }
}
