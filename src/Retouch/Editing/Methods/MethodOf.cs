namespace Retouch.Editing;

/// <summary>A method with its record of settings. Immutable.</summary>
/// <typeparam name="T">The record of settings.</typeparam>
public sealed class Method<T> : Method
    where T : IMethodSettings<T>, new()
{
    readonly Func<T, EditorResources, IEditor> _create;
    readonly SettingTable<T> _table;
    readonly T _defaults;

    /// <summary>Defines the method.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="title">What it does, one line.</param>
    /// <param name="paper">Where it was published.</param>
    /// <param name="create">Makes its editor.</param>
    /// <param name="table">Its settings; null for those of the record.</param>
    /// <param name="defaults">Their values where none are given; null for the record's.</param>
    public Method(
        string name,
        string title,
        string paper,
        Func<T, EditorResources, IEditor> create,
        SettingTable<T>? table = null,
        T? defaults = default
    )
        : base(name, title, paper)
    {
        (_create, _table, _defaults) = (create, table ?? T.Table, defaults ?? new());
        Settings = [.. _table.Settings.Select(Shown)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<MethodSetting> Settings { get; }

    /// <summary>The way from general edits to local ones; null for none.</summary>
    public GeneralityPath<T>? Path { get; init; }

    /// <summary>
    /// The kind of preparation that an editor reads, where it is not always <see cref="Method.PreparationKind"/>.
    /// </summary>
    public Func<T, string?>? Reads { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<double> Generalities => Path?.Places ?? [];

    /// <inheritdoc/>
    public override IReadOnlyList<string> GeneralitySettings => Path?.Settings ?? [];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> AtGenerality(
        IReadOnlyDictionary<string, string> settings,
        double generality
    )
    {
        GeneralityPath<T> path =
            Path ?? throw new InvalidOperationException($"{Name} has no way from general to local edits.");
        T there = path.At(Parse(settings), generality);
        Dictionary<string, string> changed = new(settings);
        foreach (Setting<T> setting in _table.Settings.Where(s => path.Settings.Contains(s.Name)))
            changed[setting.Name] = setting.Read(there);
        return changed;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<IReadOnlyDictionary<string, string>> Grid(
        Sweep sweep,
        IReadOnlyDictionary<string, IReadOnlyList<string>>? given = null,
        EditorResources? resources = null
    )
    {
        IEnumerable<T> chosen = [_defaults];
        foreach (Setting<T> setting in _table.Settings)
            chosen = [.. chosen.SelectMany(s => Values(setting, s).DistinctBy(setting.Read))];
        Setting<T>[] named = [.. _table.Settings.Where(s => !s.IsDetail || given?.ContainsKey(s.Name) == true)];
        return
        [
            .. chosen.Select(s => new SortedDictionary<string, string>(
                named.ToDictionary(n => n.Name, n => n.Read(s)),
                StringComparer.Ordinal
            )),
        ];

        IEnumerable<T> Values(Setting<T> setting, T before)
        {
            IReadOnlyList<string>? values = setting.Forced(before) is string only
                ? [only]
                : given?.GetValueOrDefault(setting.Name) ?? setting.Sweep(sweep, before, resources ?? new());
            return values is null ? [before] : values.Select(v => setting.Write(before, v));
        }
    }

    /// <inheritdoc/>
    public override IEditor Create(IReadOnlyDictionary<string, string> settings, EditorResources resources) =>
        _create(Parse(settings), resources);

    /// <inheritdoc/>
    public override void Validate(IReadOnlyDictionary<string, string> settings) => Parse(settings);

    /// <inheritdoc/>
    public override string? PreparationUsed(IReadOnlyDictionary<string, string> settings) =>
        Reads is null ? PreparationKind : Reads(Parse(settings));

    /// <summary>The record that settings by name stand for.</summary>
    /// <exception cref="BadInputException">There is no such setting, or a value is none or out of range.</exception>
    public T Parse(IReadOnlyDictionary<string, string> settings)
    {
        if (settings.Keys.FirstOrDefault(k => !_table.Settings.Any(s => s.Name == k)) is string unknown)
            throw BadInput.Missing(
                Name,
                $"The method {Name} has no setting {unknown}; it has "
                    + $"{string.Join(", ", _table.Settings.Select(s => s.Name))}."
            );
        T parsed = _defaults;
        foreach (Setting<T> setting in _table.Settings)
        {
            if ((setting.Forced(parsed) ?? settings.GetValueOrDefault(setting.Name)) is string value)
                parsed = setting.Write(parsed, value);
        }
        _table.Validate(parsed);
        return parsed;
    }

    MethodSetting Shown(Setting<T> setting)
    {
        string usual = setting.Read(_defaults);
        return new(
            setting.Name,
            setting.Help,
            usual,
            setting.Range,
            Swept(Sweep.Quick),
            Swept(Sweep.Full),
            setting.IsDetail
        );

        IReadOnlyList<string> Swept(Sweep sweep) => setting.Sweep(sweep, _defaults, new()) ?? [usual];
    }
}
