using System.Globalization;
using Retouch.Editing;
using Retouch.Locating;

namespace Retouch.Evaluation;

/// <summary>The one place where a method's name and settings become an editor, and where each method's grid is.</summary>
public static class EditorRegistry
{
    const string Prepared = "prepared", Blocks = BenchSetting.BlocksName, LocatorFile = "locatorFile";

    static readonly MaskedFineTuningSettings Published = new();

    static readonly Method[] All =
    [
        new("masked-fine-tuning", ["locator", "keep", "lr", "steps"], MaskedGrid, Masked),
        .. Editing.Methods.All.Where(m => m.Name != "masked-fine-tuning").Select(Of),
    ];

    /// <summary>The methods' names.</summary>
    public static IReadOnlyList<string> Methods => [.. All.Select(m => m.Name)];

    /// <summary>The settings of a run: each method's grid, where values that are given take the place of the grid's own.</summary>
    /// <param name="methods">The methods' names.</param>
    /// <param name="sweep">How large the grids are.</param>
    /// <param name="knobs">Values by the setting's name; a method takes those that it has.</param>
    /// <param name="resources">What editors need beside their settings.</param>
    /// <exception cref="BadInputException">A method is unknown, a knob is none of the methods', or a value is out of range.</exception>
    public static IReadOnlyList<BenchSetting> Settings(
        IReadOnlyList<string> methods, Sweep sweep, IReadOnlyDictionary<string, IReadOnlyList<string>> knobs, EditorResources resources) =>
        Settings(methods, sweep, knobs, _ => resources);

    /// <summary>The same where methods edit different windows of blocks, for each of which there are other resources.</summary>
    /// <param name="methods">The methods' names.</param>
    /// <param name="sweep">How large the grids are.</param>
    /// <param name="knobs">Values by the setting's name; a method takes those that it has.</param>
    /// <param name="resources">What a method's editors need beside their settings, by its name.</param>
    /// <exception cref="BadInputException">A method is unknown, a knob is none of the methods', or a value is out of range.</exception>
    public static IReadOnlyList<BenchSetting> Settings(
        IReadOnlyList<string> methods, Sweep sweep, IReadOnlyDictionary<string, IReadOnlyList<string>> knobs, Func<string, EditorResources> resources)
    {
        Method[] chosen = [.. methods.Distinct().Select(Find)];
        if (knobs.Keys.FirstOrDefault(k => !chosen.Any(m => m.Knobs.Contains(k))) is string unknown)
            throw new BadInputException($"None of the methods {string.Join(", ", methods)} has a setting {unknown}; they have {string.Join(", ", chosen.SelectMany(m => m.Knobs).Distinct())}.");
        return
        [
            .. chosen.SelectMany(m => Of(m, resources(m.Name))).DistinctBy(s => s.Name),
        ];

        IEnumerable<BenchSetting> Of(Method method, EditorResources own) =>
            method.Grid(sweep, knobs, own).Select(settings => new BenchSetting(method.Create(settings, own), In(own.Blocks, settings)));
    }

    static SortedDictionary<string, string> In(string? blocks, SortedDictionary<string, string> settings)
    {
        if (blocks is not null)
            settings[Blocks] = blocks;
        return settings;
    }

    /// <summary>The setting that rows name, made again.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="settings">Its settings as rows have them.</param>
    /// <param name="resources">What editors need beside their settings.</param>
    /// <returns>The setting; null where the resources lack something, or are others than the rows'.</returns>
    public static BenchSetting? Recreate(string method, IReadOnlyDictionary<string, string> settings, EditorResources resources)
    {
        try
        {
            Dictionary<string, IReadOnlyList<string>> knobs = settings.Where(s => s.Key is not (LocatorFile or Prepared or Blocks)).ToDictionary(s => s.Key, s => (IReadOnlyList<string>)[s.Value]);
            string name = BenchSetting.Describe(method, settings);
            return Settings([method], Sweep.Published, knobs, resources).FirstOrDefault(s => s.Name == name);
        }
        catch (BadInputException)
        {
            return null;
        }
    }

    static Method Of(MethodInfo info) => new(info.Name, [.. info.Knobs.Select(k => k.Name)], (sweep, knobs, resources) => info.Grid(sweep, knobs).Select(settings =>
    {
        SortedDictionary<string, string> all = new(settings.ToDictionary(), StringComparer.Ordinal);
        if (all.GetValueOrDefault("locator") == "all")
            all["keep"] = "1";
        if (info.PreparationKind is string kind && resources.PreparationIds.TryGetValue(kind, out string? id))
            all[Prepared] = id;
        AddHypernetwork(all, resources);
        return all;
    }), (settings, resources) => info.Create(settings.Where(s => s.Key is not (Prepared or LocatorFile)).ToDictionary(), resources));

    // What tells the locator's file from others: a row says with what it was made.
    static void AddHypernetwork(SortedDictionary<string, string> settings, EditorResources resources)
    {
        if (settings.GetValueOrDefault("locator") == "hypernetwork" && resources.HypernetworkId is string id)
            settings[LocatorFile] = id;
    }

    static Method Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new BadInputException($"There is no method {name}; there are {string.Join(", ", Methods)}.");

    static IEnumerable<SortedDictionary<string, string>> MaskedGrid(Sweep sweep, IReadOnlyDictionary<string, IReadOnlyList<string>> knobs, EditorResources resources)
    {
        string[] locators = sweep == Sweep.Published ? ["hypernetwork"]
            : [
                .. resources.Hypernetwork is null ? (string[])[] : ["hypernetwork"], "gradient",
                .. resources.Preparations.ContainsKey(FisherStatistics.Kind) ? (string[])["fisher"] : [], "random", "all",
            ];
        double[] keeps = sweep switch { Sweep.Full => [0.75, 0.5, 0.25, 0.1, 0.05], Sweep.Quick => [0.25, 0.05], _ => [Published.KeepRatio] };
        // A mask's curve is over its size; without a mask only the step size is left to turn.
        double[] unmaskedRates = sweep switch { Sweep.Full => [5e-6, 1e-5, 2e-5, 5e-5, 1e-4], Sweep.Quick => [1e-5, 2e-5], _ => [Published.LearningRate] };
        foreach (string locator in knobs.GetValueOrDefault("locator") ?? locators)
        {
            bool masked = locator != "all";
            foreach (string keep in masked ? Numbers("keep", keeps) : ["1"])
            {
                foreach (string rate in Numbers("lr", masked ? [Published.LearningRate] : unmaskedRates))
                {
                    foreach (string steps in Numbers("steps", [Published.MaxSteps]))
                    {
                        SortedDictionary<string, string> settings = new(StringComparer.Ordinal) { ["locator"] = locator, ["keep"] = keep, ["lr"] = rate, ["steps"] = steps };
                        AddHypernetwork(settings, resources);
                        if (locator == "fisher" && resources.PreparationIds.TryGetValue(FisherStatistics.Kind, out string? id))
                            settings[Prepared] = id;
                        yield return settings;
                    }
                }
            }
        }

        IEnumerable<string> Numbers(string knob, double[] values) => knobs.TryGetValue(knob, out IReadOnlyList<string>? given) ? given.Select(v => Text(Number(knob, v))) : values.Select(Text);
    }

    static MaskedFineTuning Masked(IReadOnlyDictionary<string, string> settings, EditorResources resources)
    {
        ILocator locator = settings["locator"] switch
        {
            "hypernetwork" => new HypernetworkLocator(resources.RequireHypernetwork()),
            "gradient" => new GradientLocator(),
            "fisher" => new FisherLocator(resources.Preparation(FisherStatistics.Kind)),
            "random" => new RandomLocator(resources.Seed, anewForEachFailure: true),
            "all" => new AllLocator(),
            string unknown => throw new BadInputException($"There is no locator {unknown}; there are hypernetwork, gradient, fisher, random, all."),
        };
        double steps = Number("steps", settings["steps"]);
        return new MaskedFineTuning(locator, Published with
        {
            KeepRatio = Number("keep", settings["keep"]),
            LearningRate = Number("lr", settings["lr"]),
            MaxSteps = steps == Math.Floor(steps) && Math.Abs(steps) <= int.MaxValue ? (int)steps : throw new BadInputException($"The number of steps is {settings["steps"]}; it must be a whole number."),
            Seed = resources.Seed,
        });
    }

    static double Number(string knob, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw new BadInputException($"The setting {knob} is {text}, which is not a number.");

    // One spelling for 2e-5 and 0.00002, which are one setting.
    static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    sealed record Method(
        string Name, IReadOnlyList<string> Knobs,
        Func<Sweep, IReadOnlyDictionary<string, IReadOnlyList<string>>, EditorResources, IEnumerable<SortedDictionary<string, string>>> Grid,
        Func<IReadOnlyDictionary<string, string>, EditorResources, IEditor> Create);
}
