using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Studio.World;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Gathers what the model gets wrong into a benchmark.</summary>
/// <param name="world">The model and the images.</param>
sealed class MineJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "mine";

    public string Name => Kind;

    /// <summary>What a job is asked for.</summary>
    /// <param name="min">The fewest images of a group.</param>
    public static Dictionary<string, string> Request(int min) =>
        new() { ["min"] = min.ToString(CultureInfo.InvariantCulture) };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string file = Path.Combine(folder, "benchmark.json");
        int min = int.Parse(request["min"], CultureInfo.InvariantCulture);
        Benchmark benchmark = Mine(world, world.Options.Locality, min, file, events, cancellation);
        return (
            $"{benchmark.Groups.Count} groups of at least {min}, {benchmark.Groups.Sum(g => g.Images.Count)} mistakes",
            file
        );
    }

    /// <summary>Gathers them, and writes the benchmark.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="locality">Images that edits should leave alone; null for none.</param>
    /// <param name="min">The fewest images of a group.</param>
    /// <param name="file">The file to write; one that is there is replaced.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <exception cref="BadInputException">There is no group, or the file cannot be written.</exception>
    public static Benchmark Mine(
        StudioWorld world,
        ImageFolder? locality,
        int min,
        string file,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        ImageFolder[] folders = [.. world.Options.Images.Select(ImageFolder.Open)];
        MiningResult mined = events.Progress(
            "mining",
            folders.Sum(f => f.Files.Count) + (locality?.Files.Count ?? 0),
            report =>
                Mining.Mine(
                    new SplitVit(world.Options.Model.Model),
                    world.Options.Model.Preprocessing,
                    folders,
                    world.Options.Classes,
                    locality,
                    new MiningSettings { MinImages = min },
                    new Told<int>(done => report(done, null)),
                    cancellation
                )
        );
        foreach (Problem why in mined.Skipped)
            events.Warn("skipped", why);
        if (mined.Benchmark.Groups.Count == 0)
            throw new BadInputException(
                $"The model gets {mined.Right} of {mined.Images} images right, and no {min} of its mistakes share "
                    + "their class and their wrong prediction; ask for smaller groups."
            );
        BenchmarkFile.Save(mined.Benchmark, file, overwrite: true);
        return mined.Benchmark;
    }
}
