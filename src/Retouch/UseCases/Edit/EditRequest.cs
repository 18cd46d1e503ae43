using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>What is to be corrected and how, as a user says it. Immutable.</summary>
public sealed record EditRequest
{
    /// <summary>The images that the model gets wrong, one or several of the same class.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>
    /// The class that they should have: a WordNet id, a name or an index; <c>index:7</c> where a class is called 7.
    /// </summary>
    public required string Label { get; init; }

    /// <summary>A file of the classes' names; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }

    /// <summary>How to edit; null for the best that the model allows, <see cref="BestMethod"/>.</summary>
    public Method? Method { get; init; }

    /// <summary>
    /// Values of the method's settings, by name; the others are the published ones. Where no method is named, these
    /// are part of the choice.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The blocks whose FFNs may be edited; null for the method's own.</summary>
    public BlockWindow? Blocks { get; init; }

    /// <summary>In what products with unedited weights are computed; null for what this machine is best at.</summary>
    public Precision? Precision { get; init; } = Vit.Precision.Checked;

    /// <summary>What was trained or prepared for the model.</summary>
    public TrainedFiles Files { get; init; } = new();

    /// <summary>
    /// Other images, on which is measured what else changed; null for none. Where the method lacks what it learns from
    /// ordinary images, it learns it from half of them, and the others are measured.
    /// </summary>
    public ImageFolder? Locality { get; init; }

    /// <summary>
    /// Folders of labelled images of the same kind as the edited ones, read as mining reads them, on which is counted
    /// what the edit turns right and what it breaks; none to count nothing.
    /// </summary>
    public IReadOnlyList<string> Near { get; init; } = [];

    /// <summary>A file that says what folders' names among <see cref="Near"/> mean; null for what they are.</summary>
    public string? Accepted { get; init; }

    /// <summary>
    /// The unedited model where the model was edited before: locality and guard are measured against it; null for the
    /// model itself.
    /// </summary>
    public string? Base { get; init; }

    /// <summary>
    /// Patches of the model that are in use: the edit is made on top of them, keeps right what they corrected, and is
    /// measured against the unedited model. None for the model as it is.
    /// </summary>
    public IReadOnlyList<string> On { get; init; } = [];

    /// <summary>
    /// The share of the locality images, in (0,1], that the most general edit to be found must leave as they are; null
    /// to make one edit.
    /// </summary>
    public double? Guard { get; init; }

    /// <summary>
    /// The share of the near images that were right, in (0,1], of which the most general edit to be found must leave
    /// that much right; null for no such bound. Alone or together with <see cref="Guard"/>.
    /// </summary>
    public double? GuardNear { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>The patch to write; null to write none.</summary>
    public string? Output { get; init; }

    /// <summary>Whether an existing patch may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// Whether to edit though the model is right already, and to write the patch of an edit that fails.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>
    /// Bytes that what is kept of the locality images may take in memory; null for a quarter of what the process may
    /// use.
    /// </summary>
    public long? Memory { get; init; }

    /// <summary>How many of an image's likeliest classes the report names.</summary>
    public int Likeliest { get; init; } = 3;

    /// <summary>Checks that a patch can be written to a file.</summary>
    /// <exception cref="BadInputException">
    /// Its name says that it is something else, it exists, or it cannot be written.
    /// </exception>
    public static void RequireOutput(string path, bool overwrite)
    {
        OutputName.Require(path, "a patch (a safetensors file)", ".patch", ".safetensors");
        AtomicFile.CheckWritable(path, overwrite);
    }

    /// <summary>The bounds of the search; null where one edit is made.</summary>
    internal GuardBounds? Bounds => Guard is null && GuardNear is null ? null : new(Guard, GuardNear);

    /// <summary>What is said of the edit beside a method.</summary>
    /// <exception cref="BadInputException">A preparation that the user named cannot be read.</exception>
    internal MethodWish Wish =>
        new()
        {
            // A trained locator is for those that take one.
            Settings = Files.Locator is null ? [.. Settings.Keys] : [.. Settings.Keys.Union(["locator"])],
            Preparations = [.. Files.Prepared.Select(file => Preparation.ReadLabel(file).Kind)],
            Guarded = Bounds is not null,
        };

    /// <summary>
    /// All settings that are no details, those given and the published ones: of the method, or, where none is named, of
    /// the one that is tried first.
    /// </summary>
    /// <exception cref="BadInputException">
    /// There is no such setting, a value is out of range, or they contradict each other or the guard.
    /// </exception>
    public IReadOnlyDictionary<string, string> AllSettings() => AllSettings(Method ?? BestMethod.Possible(Wish)[0]);

    IReadOnlyDictionary<string, string> AllSettings(Method method)
    {
        if (Settings.Keys.Any(name => !method.Settings.Any(s => s.Name == name)))
            method.Validate(Settings);
        if (Bounds is not null && method.GeneralitySettings.FirstOrDefault(Settings.ContainsKey) is string searched)
            throw BadInput.Mismatch(
                searched,
                $"The guard searches for the {searched}.",
                Remedy.AnyOf(Remedy.LeaveOut(Parameter.Setting, searched), Remedy.LeaveOut(GuardGiven))
            );
        Dictionary<string, IReadOnlyList<string>> given = Settings.ToDictionary(
            s => s.Key,
            s => (IReadOnlyList<string>)[s.Value]
        );
        IReadOnlyDictionary<string, string> all = method.Grid(Sweep.Published, given)[0];
        bool everywhere = all.GetValueOrDefault("locator") == Locators.All;
        if (everywhere && Settings.TryGetValue("keep", out string? keep) && keep != all["keep"])
            throw BadInput.Mismatch(
                "keep",
                $"The locator {Locators.All} edits every unit, but the keep ratio is {keep}.",
                Remedy.AnyOf(Remedy.LeaveOut(Parameter.Keep), Remedy.Option(Parameter.Locator))
            );
        method.Validate(all);
        if (Bounds is not null && method.Generalities.Count == 0)
            throw BadInput.Unsupported(
                method.Name,
                "The guard searches among edits of the method "
                    + $"{string.Join(" or ", Methods.All.Where(m => m.Generalities.Count > 0).Select(m => m.Name))}.",
                Remedy.AnyOf(Remedy.LeaveOut(Parameter.Method, method.Name), Remedy.LeaveOut(GuardGiven))
            );
        return all;
    }

    Parameter GuardGiven => Guard is null ? Parameter.GuardNear : Parameter.Guard;

    /// <summary>Checks what can be checked without the model, before any work.</summary>
    /// <exception cref="BadInputException">Something cannot be, or contradicts something else.</exception>
    public void Validate()
    {
        if (Output is not null)
            RequireOutput(Output, Overwrite);
        Bounds?.Validate();
        AllSettings();
        if (Guard is not null && Locality is null)
            throw BadInput.Missing(
                null,
                "The guard needs the images to guard.",
                Remedy.AnyOf(Remedy.Option(Parameter.Locality), Remedy.LeaveOut(Parameter.Guard))
            );
        if (GuardNear is not null && Near.Count == 0)
            throw BadInput.Missing(
                null,
                "The guard of near images needs them.",
                Remedy.AnyOf(Remedy.Option(Parameter.Near), Remedy.LeaveOut(Parameter.GuardNear))
            );
        if (Base is not null && On.Count > 0)
            throw BadInput.Mismatch(
                Base,
                "Patches in use are those of the unedited model, which is measured against anyway.",
                Remedy.LeaveOut(Parameter.Base)
            );
        if (Accepted is not null && Near.Count == 0)
            throw BadInput.Mismatch(
                Accepted,
                "What folders' names mean is asked of near images alone.",
                Remedy.Option(Parameter.Near)
            );
        if (Locality is null && Near.Count == 0 && Base is not null)
            throw BadInput.Missing(
                Base,
                "The unedited model says what other images are measured against, but there are none.",
                Remedy.AnyOf(Remedy.Option(Parameter.Locality), Remedy.LeaveOut(Parameter.Base))
            );
    }
}
