using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>
/// Measures methods on the model's mistakes. What a method has to learn it learns from half of the ordinary images;
/// LR is measured on the other half.
/// </summary>
/// <param name="world">The model and the images.</param>
/// <param name="locator">The locator that was trained last; null for none.</param>
sealed class BenchJob(StudioWorld world, Func<string?> locator) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "bench";

    /// <summary>The fewest mistakes of a group: one is edited, others say whether it generalizes.</summary>
    public const int Fewest = 2;

    public string Name => Kind;

    /// <summary>What a job is asked for.</summary>
    /// <param name="methods">The methods.</param>
    /// <param name="edits">Edits a group at most.</param>
    public static Dictionary<string, string> Request(IReadOnlyList<string> methods, int edits) =>
        new() { ["methods"] = string.Join(',', methods), ["edits"] = edits.ToString(CultureInfo.InvariantCulture) };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string file = Path.Combine(folder, "benchmark.json");
        string run = Path.Combine(folder, "run");
        string[] methods = request["methods"].Split(',');
        LocalityHalves? halves = world.Options.Locality is ImageFolder all ? LocalityHalves.Of(all) : null;
        if (!File.Exists(file))
            MineJob.Mine(world, halves?.Measured, Fewest, file, events, cancellation);
        List<string> prepared = [.. world.Options.Files.Prepared];
        HashSet<string> kinds = [.. prepared.Select(KindOf)];
        foreach (Method method in methods.Select(Methods.Find).Where(m => m.NewPreparation is not null))
        {
            if (!kinds.Add(method.PreparationKind!))
                continue;
            string made = Path.Combine(folder, $"{method.PreparationKind}.prep");
            PrepareJob.Prepare(
                world,
                method,
                halves?.Learned ?? ImageFolders.Open([world.RequireLocality($"The method {method.Name}").Root]),
                made,
                events,
                cancellation
            );
            prepared.Add(made);
        }
        // What was trained for one method's blocks is none for another's.
        bool locates = methods.Contains(MaskedFineTuning.Definition.Name);
        BenchmarkRequest asked = new()
        {
            Benchmark = new()
            {
                File = file,
                Images = world.Options.Images,
                Locality = halves?.Measured.Root,
            },
            Output = run,
            Methods = methods,
            Files = world.Options.Files with
            {
                Prepared = prepared,
                Locator = locates ? world.Options.Files.Locator ?? locator() : null,
            },
            Options = new() { MaxEditsPerGroup = int.Parse(request["edits"], CultureInfo.InvariantCulture) },
            Resume = true,
            LabelFile = world.Options.LabelFile,
        };
        using BenchmarkSession session = new(asked);
        BenchmarkReport report = session.Run(world.Options.Model, events, cancellation)!;
        return (string.Join("; ", report.Summary.Select(Words)), report.Page);
    }

    static string KindOf(string path)
    {
        using Preparation made = Preparation.Load(path);
        return made.Kind;
    }

    static string Words(SettingSummary s) =>
        $"{s.Method}: {Percent(s.Success)} right, GR {Percent(s.Generalization)}, LR {Percent(s.Locality)}";

    static string Percent(Estimate? rate) =>
        rate is { } known ? string.Create(CultureInfo.InvariantCulture, $"{100 * known.Mean:0.0} %") : "unknown";
}
