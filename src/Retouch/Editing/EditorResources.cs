using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Editing;

/// <summary>What editors need beside their settings. Owns nothing.</summary>
public sealed record EditorResources
{
    /// <summary>A trained hypernetwork for the model; null where there is none.</summary>
    public Hypernetwork? Hypernetwork { get; init; }

    /// <summary>
    /// What tells that hypernetwork from others: the start of its file's SHA-256. Shown among the settings.
    /// </summary>
    public string? HypernetworkId { get; init; }

    /// <summary>
    /// The blocks to edit where they are not the usual ones, as <see cref="EditSpace.BlockRange"/>; null for the usual.
    /// Shown among the settings.
    /// </summary>
    public string? Blocks { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>What was prepared for the model, by <see cref="Preparation.Kind"/>.</summary>
    public IReadOnlyDictionary<string, Preparation> Preparations { get; init; } = new Dictionary<string, Preparation>();

    /// <summary>
    /// What tells these preparations from others, by their kind: the start of each file's SHA-256. Shown among the
    /// settings.
    /// </summary>
    public IReadOnlyDictionary<string, string> PreparationIds { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// The model whose edits they are for, so that what was made for another is refused before any work; null where it
    /// is not known.
    /// </summary>
    public SplitVit? For { get; init; }

    /// <summary>
    /// The model and the blocks in the caller's words, for what is to be made where something is missing.
    /// </summary>
    public MadeFor MadeFor { get; init; } = new();

    /// <summary>
    /// Whether the method would learn what is missing from ordinary images by itself if it were given some.
    /// </summary>
    public bool Learns { get; init; }

    /// <summary>The kinds of preparations that were asked for, with those of copies of this.</summary>
    internal ISet<string> Asked { get; init; } = new HashSet<string>();

    /// <summary>A preparation that a method needs.</summary>
    /// <exception cref="BadInputException">
    /// It was not given, or was made for another model or other blocks than <see cref="For"/>.
    /// </exception>
    public Preparation Preparation(string kind)
    {
        string name = Methods.All.FirstOrDefault(m => m.PreparationKind == kind)?.Name ?? kind;
        Remedy make = MadeFor.MakePreparation(name);
        Asked.Add(kind);
        if (!Preparations.TryGetValue(kind, out Preparation? found))
        {
            string needs = $"{Whose(name, kind)} needs the preparation '{kind}'";
            throw Learns
                ? BadInput.Missing(
                    kind,
                    $"{needs}, which it learns from ordinary images where there are some.",
                    Remedy.AnyOf(Remedy.Option(Parameter.Locality), make)
                )
                : BadInput.Missing(kind, $"{needs}.", make);
        }
        if (For is null || found.Mismatch(For) is not string mismatch)
            return found;
        throw BadInput.Mismatch(kind, $"{mismatch}.", make);
    }

    /// <summary>The hypernetwork that a locator needs.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    public Hypernetwork RequireHypernetwork() =>
        Hypernetwork
        ?? throw BadInput.Missing(
            Locators.Hypernetwork,
            "The locator hypernetwork needs a hypernetwork trained for this model.",
            Remedy.AnyOf(MadeFor.MakeLocator(), Remedy.Option(Parameter.Locator))
        );

    static string Whose(string name, string kind) =>
        kind switch
        {
            FisherStatistics.Kind => "The locator fisher",
            OutputStatistics.Kind => "The setting outputDamping of kfac",
            _ => $"The method {name}",
        };
}
