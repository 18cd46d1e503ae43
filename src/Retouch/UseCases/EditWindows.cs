using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>
/// A model cut for each window of blocks that some methods edit, and what editors need there. Owns it, and the images
/// that are loaded for it.
/// </summary>
/// <param name="model">The model; not owned.</param>
/// <param name="files">What was trained or prepared for it.</param>
/// <param name="seed">The seed of everything random.</param>
/// <param name="events">Where to say what is used.</param>
/// <param name="cut">Cuts the model; null for everything in float32.</param>
public sealed class EditWindows(
    VitModel model,
    TrainedFiles files,
    int seed,
    IUseCaseEvents events,
    Func<EditSpace, SplitVit>? cut = null
) : IDisposable
{
    readonly Dictionary<EditSpace, Window> _windows = [];
    readonly HashSet<string> _asked = [];

    /// <summary>The kinds of preparations that editors asked for.</summary>
    internal IReadOnlyCollection<string> Asked => _asked;

    /// <summary>The window of a setting, as a run's rows name it.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace Space(IReadOnlyDictionary<string, string> settings)
    {
        if (!settings.TryGetValue(BenchSetting.BlocksName, out string? text))
            return EditSpace.Default(model.Config);
        return BlockWindow.Parse(text) is { } window
            ? window.In(model.Config)
            : throw BadInput.OutOfRange(text, $"The blocks of a setting are '{text}'; they must be such as 7-9.");
    }

    /// <summary>The model cut for a window.</summary>
    /// <exception cref="BadInputException">A preparation that the user named cannot be read.</exception>
    public SplitVit Split(EditSpace space) => Of(space).Split;

    /// <summary>What editors of a window need beside their settings.</summary>
    /// <param name="space">The window.</param>
    /// <param name="alone">
    /// Whether the command edits no other window, so that a locator which the user named for another one is a mistake.
    /// </param>
    /// <exception cref="BadInputException">
    /// A file that the user named cannot be read or is for another model, or, if <paramref name="alone"/>, other
    /// blocks.
    /// </exception>
    public EditorResources Resources(EditSpace space, bool alone = false)
    {
        Window window = Of(space);
        if (!window.LocatorSought)
        {
            window.LocatorSought = true;
            string? file =
                files.Locator is not string named ? TrainedLocators.For(files.Shipped, model.Fingerprint, space)
                : alone || TrainedLocators.IsFor(named, space) ? TrainedLocators.Choose(files, model, space, events)
                : null;
            (window.Locator, window.LocatorId) = file is null
                ? (null, null)
                : (HypernetworkFile.Load(file), ImageRoots.Hash(file)[..12]);
        }
        return new EditorResources
        {
            Hypernetwork = window.Locator,
            HypernetworkId = window.LocatorId,
            Preparations = window.Prepared.ByKind,
            PreparationIds = window.Prepared.Ids,
            Seed = seed,
            For = window.Split,
            MadeFor = files.MadeFor,
            Asked = _asked,
            Blocks = space == EditSpace.Default(model.Config) ? null : space.BlockRange,
        };
    }

    /// <summary>The images of a benchmark, cut for a window; loaded when they are first asked for.</summary>
    public BenchData Data(EditSpace space, Func<SplitVit, BenchData> load) => Of(space).Data ??= load(Of(space).Split);

    Window Of(EditSpace space)
    {
        if (!_windows.TryGetValue(space, out Window? window))
        {
            SplitVit split = cut?.Invoke(space) ?? new SplitVit(model, space);
            _windows.Add(space, window = new Window(split, new PreparedFiles(files, split)));
        }
        return window;
    }

    /// <summary>Frees what was loaded for the windows.</summary>
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
