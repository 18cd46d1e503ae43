using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>A model cut for each window of blocks that a command's methods edit, and what editors need there. Owns it, and the images that are loaded for it.</summary>
/// <param name="model">The model; not owned.</param>
/// <param name="prepared">The preparations that the user named.</param>
/// <param name="locatorFile">The locator that the user named, or null.</param>
/// <param name="seed">The seed of everything random.</param>
/// <param name="terminal">Where to say what is used.</param>
/// <param name="cut">Cuts the model.</param>
sealed class EditWindows(VitModel model, IReadOnlyList<string> prepared, string? locatorFile, int seed, Terminal terminal, Func<EditSpace, SplitVit> cut) : IDisposable
{
    readonly Dictionary<EditSpace, Window> _windows = [];

    /// <summary>The commands that make what editors lack.</summary>
    public MakingCommands Commands { get; init; } = new();

    /// <summary>The window of a setting, as a run's rows name it.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace Space(IReadOnlyDictionary<string, string> settings)
    {
        if (!settings.TryGetValue(BenchSetting.BlocksName, out string? text))
            return EditSpace.Default(model.Config);
        return BlocksOption.Parse(text) is var (first, blocks) ? new EditSpace(model.Config, first, blocks) : throw new BadInputException($"The blocks of a setting are '{text}'; they must be such as 7-9.");
    }

    /// <summary>The model cut for a window.</summary>
    public SplitVit Split(EditSpace space) => Of(space).Split;

    /// <summary>What editors of a window need beside their settings.</summary>
    /// <param name="space">The window.</param>
    /// <param name="alone">Whether the command edits no other window, so that a locator which the user named for another one is a mistake.</param>
    /// <exception cref="BadInputException">A file that the user named cannot be read or is for another model, or, if <paramref name="alone"/>, other blocks.</exception>
    public EditorResources Resources(EditSpace space, bool alone = false)
    {
        Window window = Of(space);
        if (!window.LocatorSought)
        {
            window.LocatorSought = true;
            string? file = locatorFile is null ? ShippedLocators.For(model.Fingerprint, space)
                : alone || ShippedLocators.IsFor(locatorFile, space) ? ShippedLocators.Choose(locatorFile, model, space, terminal, Commands) : null;
            (window.Locator, window.LocatorId) = file is null ? (null, null) : (HypernetworkFile.Load(file), ImageRoots.Hash(file)[..12]);
        }
        return new EditorResources
        {
            Hypernetwork = window.Locator,
            HypernetworkId = window.LocatorId,
            Preparations = window.Prepared.ByKind,
            PreparationIds = window.Prepared.Ids,
            Seed = seed,
            For = window.Split,
            Commands = Commands,
            Blocks = space == EditSpace.Default(model.Config) ? null : space.BlockRange,
        };
    }

    /// <summary>The images of a benchmark, cut for a window; loaded when they are first asked for.</summary>
    public BenchData Data(EditSpace space, Func<SplitVit, BenchData> load) => Of(space).Data ??= load(Of(space).Split);

    Window Of(EditSpace space)
    {
        if (!_windows.TryGetValue(space, out Window? window))
        {
            SplitVit split = cut(space);
            _windows.Add(space, window = new Window(split, new PreparedFiles(prepared, split)));
        }
        return window;
    }

    public void Dispose()
    {
        foreach (Window window in _windows.Values)
        {
            window.Data?.Dispose();
            window.Locator?.Dispose();
            window.Prepared.Dispose();
        }
    }

    sealed class Window(SplitVit split, PreparedFiles prepared)
    {
        public SplitVit Split { get; } = split;

        public PreparedFiles Prepared { get; } = prepared;

        public bool LocatorSought { get; set; }

        public Hypernetwork? Locator { get; set; }

        public string? LocatorId { get; set; }

        public BenchData? Data { get; set; }
    }
}
