using Retouch.Locating;

namespace Retouch.Editing;

/// <summary>Every way to choose where to edit.</summary>
public static class Locators
{
    /// <summary>The name of the one that names every unit: no mask.</summary>
    public const string All = "all";

    /// <summary>The name of the paper's.</summary>
    public const string Hypernetwork = "hypernetwork";

    /// <summary>The name of the one that weighs gradients against what ordinary images need.</summary>
    public const string Fisher = "fisher";

    /// <summary>The name of the control.</summary>
    public const string Random = "random";

    /// <summary>The locators, in the order of reports.</summary>
    public static IReadOnlyList<LocatorInfo> Known { get; } =
    [
        new(
            Hypernetwork,
            "hypernetwork mask",
            "the units that a trained hypernetwork names",
            (resources, _) => new HypernetworkLocator(resources.RequireHypernetwork())
        ),
        new("gradient", "gradient mask", "the units with the largest gradients", (_, _) => new GradientLocator()),
        new(
            Fisher,
            "Fisher mask",
            "units with large gradients that ordinary images need little",
            (resources, kind) => new FisherLocator(resources.Preparation(kind))
        ),
        new(
            Random,
            "random mask",
            "units drawn at random: the baseline of every mask",
            (resources, _) => new RandomLocator(resources.Seed, anewForEachFailure: true)
        ),
        new(All, "no mask", "all units of the window, without a mask", (_, _) => new AllLocator()),
    ];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Known.Select(l => l.Name)];

    /// <summary>A locator by its name.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    public static LocatorInfo Find(string name) =>
        Known.FirstOrDefault(l => l.Name == name)
        ?? throw BadInput.Missing(name, $"There is no locator {name}; there are {string.Join(", ", Names)}.");

    /// <summary>The setting "locator" of a method.</summary>
    internal static Setting<T> Setting<T>(Func<T, string> read, Func<T, string, T> write) =>
        new(
            "locator",
            $"what says where to edit: {string.Join(", ", Names)}",
            $"one of {string.Join(", ", Names)}",
            read,
            (settings, name) => write(settings, Find(name).Name),
            settings => Find(read(settings))
        );

    /// <summary>The locators that can be made with what is at hand.</summary>
    internal static IReadOnlyList<string> AtHand(EditorResources resources, string fisherKind) =>
        [
            .. Names.Where(n =>
                n switch
                {
                    Hypernetwork => resources.Hypernetwork is not null,
                    Fisher => resources.Preparations.ContainsKey(fisherKind),
                    _ => true,
                }
            ),
        ];
}
