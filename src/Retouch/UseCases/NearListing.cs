using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>Lists labelled images of the same kind as those that are edited, as a user names their folders.</summary>
static class NearListing
{
    /// <summary>Lists them and says what was left out; null where there are no folders of them.</summary>
    /// <param name="folders">Their folders.</param>
    /// <param name="accepted">A file that says what folders' names mean; null for what they are.</param>
    /// <param name="labels">The names of the model's classes.</param>
    /// <param name="events">Where to say it.</param>
    /// <exception cref="BadInputException">
    /// A folder or the mapping cannot be read, or no folder is called by a class.
    /// </exception>
    public static NearImages? Of(
        IReadOnlyList<string> folders,
        string? accepted,
        LabelSet labels,
        IUseCaseEvents events
    )
    {
        if (folders.Count == 0)
            return accepted is null
                ? null
                : throw BadInput.Mismatch(
                    accepted,
                    "What folders' names mean is asked of near images alone.",
                    Remedy.Option(Parameter.Near)
                );
        ClassFolders classes = ClassFolders.Of(accepted, labels);
        ImageFolder[] opened = [.. folders.Select(ImageFolder.Open)];
        NearImages near = NearImages.In(opened, classes, labels.Count);
        string[] unused = [.. classes.Mapped.Except(NearImages.NamesOf(opened)).Order(StringComparer.Ordinal)];
        if (unused.Length > 0)
            events.Note(
                $"{accepted} names {NearImages.Listed(unused)}, but no folder of labelled " + "images is called so"
            );
        foreach (Problem why in near.Skipped)
            events.Warn(why.Message);
        if (Copies.Text(near.Files, near.Count) is string copies)
            events.Note($"labelled images: {copies}");
        return near;
    }
}
