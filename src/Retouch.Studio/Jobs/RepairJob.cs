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
    /// <param name="ids">The images.</param>
    /// <param name="label">The class that all of them should have; null for the ones of their folders.</param>
    /// <param name="shared">Whether images may share units; null to find that out.</param>
    public static Dictionary<string, string> Request(IReadOnlyList<int> ids, int? label, bool? shared) =>
        new()
        {
            ["images"] = string.Join(',', ids),
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
        int[] ids = [.. request["images"].Split(',').Select(i => int.Parse(i, CultureInfo.InvariantCulture))];
        int? label = request["label"] is { Length: > 0 } one ? int.Parse(one, CultureInfo.InvariantCulture) : null;
        bool? shared = request["shared"] is { Length: > 0 } known ? bool.Parse(known) : null;
        string patch = Path.Combine(folder, "repair.patch");
        LiveRepair repair = world.Live!.Repair(
            [.. ids.Select(i => Wanted(world.Images[i], label)).OfType<LiveRepair.Wish>()],
            world
                .Chunks.SelectMany(c => c.Ids.Select((id, row) => (c.Images, row, world.Images[id])))
                .Where(i => i.Item3.IsRight == true)
                .Select(i => new LiveRepair.Kept(i.Images, i.row, i.Images.Answers[i.row].Class)),
            new RepairSettings { Widen = 4096, Shared = shared },
            patch,
            events,
            cancellation
        );
        return (
            repair.Patch is null
                ? "nothing could be corrected"
                : $"{repair.Corrected} of {repair.Asked} corrected, {repair.SharedUnits} shared units and "
                    + $"{repair.OwnUnits} of one image each",
            repair.Patch
        );
    }

    LiveRepair.Wish? Wanted(StudioImage image, int? label)
    {
        if ((label ?? image.Label) is not int wanted)
            return null;
        foreach ((LiveImages images, int[] ids) in world.Chunks)
            if (Array.IndexOf(ids, image.Id) is int row and >= 0)
                return new LiveRepair.Wish(images, row, image.Path, label is null ? image.Accepted! : [wanted], wanted);
        return null;
    }
}
