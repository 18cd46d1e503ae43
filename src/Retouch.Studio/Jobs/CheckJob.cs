using System.Globalization;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Checks the model, with the ledger's patches if there are any, on all images of known classes.</summary>
/// <param name="world">The model and the images.</param>
sealed class CheckJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "check";

    public string Name => Kind;

    /// <summary>What a job is asked for: the patches that are in the ledger now.</summary>
    /// <param name="world">The model and the images.</param>
    public static Dictionary<string, string> Request(StudioWorld world)
    {
        if (world.Options.Ledger is not string path || !File.Exists(path))
            return [];
        Ledger ledger = Ledger.Open(path);
        return new() { ["patches"] = string.Join('\n', ledger.State.Added.Select(e => ledger.PathOf(e.Patch!))) };
    }

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string rows = Path.Combine(folder, "rows.jsonl");
        string page = Path.Combine(folder, "check.html");
        CheckReport report = new CheckUseCase(world.Options.Model).Run(
            new CheckRequest
            {
                Images = world.Options.Images,
                LabelFile = world.Options.LabelFile,
                Accepted = world.Options.Accepted,
                Patches =
                    request.TryGetValue("patches", out string? patches) && patches.Length > 0
                        ? patches.Split('\n')
                        : [],
                Rows = rows,
                Resume = File.Exists(rows),
                Overwrite = true,
                Page = page,
            },
            events,
            cancellation
        );
        ClassificationScore score = report.Summary.After;
        return (
            string.Create(
                CultureInfo.InvariantCulture,
                $"{score.Right} of {score.Images} right ({100.0 * score.Right / Math.Max(score.Images, 1):0.00} %)"
            ),
            page
        );
    }
}
