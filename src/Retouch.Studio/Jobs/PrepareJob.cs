using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Studio.World;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Lets a method learn from the ordinary images what it needs before its first edit.</summary>
/// <param name="world">The model and the images.</param>
sealed class PrepareJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "prepare";

    public string Name => Kind;

    /// <summary>The methods that learn something.</summary>
    public static IReadOnlyList<Method> Learning => [.. Methods.All.Where(m => m.NewPreparation is not null)];

    /// <summary>What a job is asked for.</summary>
    /// <param name="method">The method.</param>
    public static Dictionary<string, string> Request(Method method) => new() { ["method"] = method.Name };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string file = Path.Combine(folder, $"{request["method"]}.prep");
        ImageFolder locality = world.RequireLocality("A preparation");
        Prepare(world, Methods.Find(request["method"]), ImageFolders.Open([locality.Root]), file, events, cancellation);
        return ($"learned from {locality.Files.Count} images; 'retouch edit' takes the file by --prepared", file);
    }

    /// <summary>Learns it, or leaves it as it is where an earlier run came so far.</summary>
    /// <param name="world">The model.</param>
    /// <param name="method">The method.</param>
    /// <param name="images">The ordinary images.</param>
    /// <param name="file">The file to write.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="BadInputException">The images do not suffice, or the file cannot be written.</exception>
    public static void Prepare(
        StudioWorld world,
        Method method,
        ImageFolders images,
        string file,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        if (File.Exists(file))
            return;
        SplitVit split = new(world.Options.Model.Model, method.Window(world.Options.Model.Model.Config));
        using Preparation _ = PrepareUseCase.Run(
            method.NewPreparation!(),
            split,
            new PreparationImages(images, world.Options.Model.Preprocessing),
            file,
            overwrite: false,
            events,
            cancellation
        );
    }
}
