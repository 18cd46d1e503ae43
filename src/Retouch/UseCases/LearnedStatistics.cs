using System.Globalization;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>What a method learns from half of the locality images while the user waits.</summary>
static class LearnedStatistics
{
    /// <summary>Learns it, or takes what was learned before; the caller disposes the preparation.</summary>
    /// <param name="model">The model.</param>
    /// <param name="how">What is learned.</param>
    /// <param name="halves">The images.</param>
    /// <param name="cache">Where it is kept; null for nowhere.</param>
    /// <param name="space">Where the model is cut.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images.</param>
    public static (Preparation Learned, EditStatistics Statistics) Learn(
        ModelFile model,
        IPreparation how,
        LocalityHalves halves,
        PreparationCache? cache,
        EditSpace space,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        // Everything in float32, as it is prepared for all edits.
        SplitVit split = new(model.Model, space);
        PreparationImages images = new(halves.Learned, model.Preprocessing);
        bool isKept = true;
        (Preparation learned, bool wasThere) =
            cache?.Get(how, split, images, Make, () => isKept = false) ?? (Make(null), false);
        if (!isKept)
            events.Warn(
                $"what was learned is not kept, since {cache!.Folder} cannot be written, so the next edit learns it "
                    + "again; make that folder writable, or name another in RETOUCH_CACHE"
            );
        int used = int.TryParse(
            learned.Settings.GetValueOrDefault("images"),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out int count
        )
            ? count
            : images.Folders.Paths.Count;
        return (learned, new(how.Name, used, halves.Count, images.Folders.Hash(), halves.AreApart, wasThere));

        Preparation Make(string? checkpoint) =>
            events.Progress(
                $"preparing {how.Name}",
                1,
                told =>
                    how.Prepare(
                        split,
                        images,
                        checkpoint,
                        new Told<PreparationProgress>(p => told((double)p.Done / p.Total, null)),
                        cancellation
                    )
            );
    }
}
