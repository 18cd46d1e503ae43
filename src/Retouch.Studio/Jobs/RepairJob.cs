using System.Globalization;
using Retouch.Editing;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Corrects several images by one patch, from what is known of them already.</summary>
/// <param name="world">The model and the images.</param>
sealed class RepairJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "repair";

    public string Name => Kind;

    /// <summary>What a job is asked for.</summary>
    /// <param name="paths">The images by their files: numbers are others where other folders are shown.</param>
    /// <param name="label">The class that all of them should have; null for the ones of their folders.</param>
    /// <param name="shared">Whether images may share units; null to find that out.</param>
    public static Dictionary<string, string> Request(IReadOnlyList<string> paths, int? label, bool? shared) =>
        new()
        {
            ["images"] = string.Join('\n', paths),
            ["label"] = label is int one ? one.ToString(CultureInfo.InvariantCulture) : "",
            ["shared"] = shared is bool known ? known.ToString() : "",
        };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        HashSet<string> paths = [.. request["images"].Split('\n')];
        StudioImage[] images = [.. world.Images.Where(i => paths.Contains(i.Path))];
        if (images.Length < paths.Count)
            events.Warn($"{paths.Count - images.Length} of the images are not among those that are shown now");
        int? label = request["label"] is { Length: > 0 } one ? int.Parse(one, CultureInfo.InvariantCulture) : null;
        bool? shared = request["shared"] is { Length: > 0 } known ? bool.Parse(known) : null;
        string patch = Path.Combine(folder, "repair.patch");
        LiveModel live = world.Live ?? throw new BadInputException(world.Failure ?? "The model is not open.");
        LiveRepair repair = live.Repair(
            [.. images.Select(i => Wanted(i, label)).OfType<LiveRepair.Wish>()],
            world
                .Images.Where(i => i.IsRight == true)
                .Select(i => (Row: world.RowOf(i.Id), i.Answer))
                .Where(i => i.Row is not null)
                .Select(i => new LiveRepair.Kept(i.Row!.Value.Images, i.Row.Value.Row, i.Answer!.Value.Class)),
            new RepairSettings { Widen = 4096, Shared = shared },
            patch,
            events,
            cancellation
        );
        return (
            repair.Patch is null
                ? $"none of {repair.Asked} could be corrected, and no patch was made"
                : $"{repair.Corrected} of {repair.Asked} corrected, {repair.SharedUnits} shared units and "
                    + $"{repair.OwnUnits} of one image each",
            repair.Patch
        );
    }

    LiveRepair.Wish? Wanted(StudioImage image, int? label) =>
        (label ?? image.Label) is int wanted && world.RowOf(image.Id) is (LiveImages images, int row)
            ? new LiveRepair.Wish(images, row, image.Path, label is null ? image.Accepted! : [wanted], wanted)
            : null;
}
