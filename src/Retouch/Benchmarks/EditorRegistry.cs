using Retouch.Editing;

namespace Retouch.Benchmarks;

/// <summary>
/// The settings of a benchmark's run: each method's grid, with what its rows say of the files that were used.
/// </summary>
public static class EditorRegistry
{
    const string Prepared = "prepared";
    const string LocatorFile = "locatorFile";

    /// <summary>
    /// The settings of a run: each method's grid, where values that are given take the place of the grid's own.
    /// </summary>
    /// <param name="methods">The methods' names.</param>
    /// <param name="sweep">How large the grids are.</param>
    /// <param name="given">Values by the setting's name; a method takes those that it has.</param>
    /// <param name="resources">What editors need beside their settings.</param>
    /// <exception cref="BadInputException">
    /// A method is unknown, a setting is none of the methods', or a value is out of range.
    /// </exception>
    public static IReadOnlyList<BenchSetting> Settings(
        IReadOnlyList<string> methods,
        Sweep sweep,
        IReadOnlyDictionary<string, IReadOnlyList<string>> given,
        EditorResources resources
    ) => Settings(methods, sweep, given, _ => resources);

    /// <summary>
    /// The same where methods edit different windows of blocks, for each of which there are other resources.
    /// </summary>
    /// <param name="methods">The methods' names.</param>
    /// <param name="sweep">How large the grids are.</param>
    /// <param name="given">Values by the setting's name; a method takes those that it has.</param>
    /// <param name="resources">What a method's editors need beside their settings, by its name.</param>
    /// <exception cref="BadInputException">
    /// A method is unknown, a setting is none of the methods', or a value is out of range.
    /// </exception>
    public static IReadOnlyList<BenchSetting> Settings(
        IReadOnlyList<string> methods,
        Sweep sweep,
        IReadOnlyDictionary<string, IReadOnlyList<string>> given,
        Func<string, EditorResources> resources
    )
    {
        Method[] chosen = [.. methods.Distinct().Select(Methods.Find)];
        string[] names = [.. chosen.SelectMany(m => m.Settings.Select(s => s.Name)).Distinct()];
        if (given.Keys.FirstOrDefault(k => !names.Contains(k)) is string unknown)
            throw BadInput.Missing(
                null,
                $"None of the methods {string.Join(", ", methods)} has a setting {unknown}; they have "
                    + $"{string.Join(", ", names)}."
            );
        return [.. chosen.SelectMany(m => Of(m, sweep, given, resources(m.Name))).DistinctBy(s => s.Name)];
    }

    /// <summary>The setting that rows name, made again.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="settings">Its settings as rows have them.</param>
    /// <param name="resources">What editors need beside their settings.</param>
    /// <returns>The setting, or null if the resources lack something, or are others than the rows'.</returns>
    public static BenchSetting? Recreate(
        string method,
        IReadOnlyDictionary<string, string> settings,
        EditorResources resources
    )
    {
        try
        {
            Dictionary<string, IReadOnlyList<string>> given = settings
                .Where(s => s.Key is not (LocatorFile or Prepared or BenchSetting.BlocksName))
                .ToDictionary(s => s.Key, s => (IReadOnlyList<string>)[s.Value]);
            string name = BenchSetting.Describe(method, settings);
            return Settings([method], Sweep.Published, given, resources).FirstOrDefault(s => s.Name == name);
        }
        // What an editor lacks, its own constructor alone knows.
        catch (BadInputException)
        {
            return null;
        }
    }

    static IEnumerable<BenchSetting> Of(
        Method method,
        Sweep sweep,
        IReadOnlyDictionary<string, IReadOnlyList<string>> given,
        EditorResources resources
    ) =>
        method
            .Grid(sweep, given, resources)
            .Select(settings => new BenchSetting(
                method.Create(settings, resources),
                WithFiles(method, settings, resources)
            ));

    // What tells a run's files from others: a row says with what its edit was made.
    static SortedDictionary<string, string> WithFiles(
        Method method,
        IReadOnlyDictionary<string, string> settings,
        EditorResources resources
    )
    {
        SortedDictionary<string, string> all = new(settings.ToDictionary(), StringComparer.Ordinal);
        if (
            settings.GetValueOrDefault("locator") == Locators.Hypernetwork
            && resources.HypernetworkId is string locator
        )
            all[LocatorFile] = locator;
        if (
            method.PreparationUsed(settings) is string kind
            && resources.PreparationIds.TryGetValue(kind, out string? id)
        )
            all[Prepared] = id;
        if (resources.Blocks is not null)
            all[BenchSetting.BlocksName] = resources.Blocks;
        return all;
    }
}
