using Retouch.Formats;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Asks the other model about all images, so that the two can be compared.</summary>
/// <param name="world">The model and the images.</param>
sealed class AskOtherJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "ask-other";

    public string Name => Kind;

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        ModelFile other =
            world.Options.Against
            ?? throw new BadInputException("There is no other model: open the studio with --against MODEL.");
        string[] paths = [.. world.Images.Select(i => i.Path), .. world.LocalityImages.Select(i => i.Path)];
        int failed = OtherModel.Of(world)!.Ask(other, paths, events, cancellation);
        return ($"{paths.Length - failed} images asked", null);
    }
}
