using Retouch.Formats;

namespace Retouch.Measurement;

/// <summary>What a model makes of labelled images, alone or compared with another. Immutable.</summary>
public sealed record CheckSummary
{
    /// <summary>The images, in the order in which they were listed.</summary>
    public required IReadOnlyList<CheckedImage> Images { get; init; }

    /// <summary>How well the model does.</summary>
    public required ClassificationScore After { get; init; }

    /// <summary>How well the model does that it is compared with; null where there is none.</summary>
    public required ClassificationScore? Before { get; init; }

    /// <summary>What changed between the two; null where there is but one.</summary>
    public required Flips? Flips { get; init; }

    /// <summary>The same by class, in the order of the classes; those without images are left out.</summary>
    public required IReadOnlyList<CheckedGroup> ByClass { get; init; }

    /// <summary>The same by folder, in ordinal order.</summary>
    public required IReadOnlyList<CheckedGroup> ByFolder { get; init; }

    /// <summary>The mistakes by class and by what is said, the largest cell first.</summary>
    public required IReadOnlyList<Confusion> Confusions { get; init; }

    /// <summary>
    /// What the classes of images are called: by the model's names, or by their folders where several classes count as
    /// right in these, since the first of many says little.
    /// </summary>
    public required IReadOnlyDictionary<int, string> ClassNames { get; init; }

    /// <summary>The images with a flip, in their order; none where there is but one model.</summary>
    /// <param name="kind">Which.</param>
    public IEnumerable<CheckedImage> Flipped(FlipKind kind) => Images.Where(i => i.Flip == kind);

    /// <summary>Counts.</summary>
    /// <param name="images">The images; all are compared with another model, or none.</param>
    /// <param name="labels">The names of the model's classes.</param>
    public static CheckSummary Of(IReadOnlyList<CheckedImage> images, LabelSet labels)
    {
        bool compared = images.Count > 0 && images[0].Before is not null;
        bool ranked = labels.Count > RankedAnswer.Length;
        Dictionary<int, string> names = images
            .GroupBy(i => i.Label)
            .ToDictionary(g => g.Key, g => FolderName([.. g]) ?? labels[g.Key].Name);
        return new CheckSummary
        {
            Images = images,
            After = Score(images, i => i.After, ranked),
            Before = compared ? Score(images, i => i.Before!, ranked) : null,
            Flips = compared ? FlipsOf(images) : null,
            ByClass =
            [
                .. images
                    .GroupBy(i => i.Label)
                    .OrderBy(g => g.Key)
                    .Select(g => Group(names[g.Key], g.Key, [.. g], ranked, compared)),
            ],
            ByFolder =
            [
                .. images
                    .GroupBy(i => i.Folder)
                    .OrderBy(g => g.Key, StringComparer.Ordinal)
                    .Select(g => Group(g.Key, null, [.. g], ranked, compared)),
            ],
            Confusions = Confused(images, compared),
            ClassNames = names,
        };
    }

    static string? FolderName(IReadOnlyList<CheckedImage> images)
    {
        string[] names = [.. images.Select(i => i.Folder[(i.Folder.LastIndexOf('/') + 1)..]).Distinct()];
        // A list writes several classes as such.
        return images.All(i => i.Accepted.Count > 1) && names is [string name] && !name.Contains('|') ? name : null;
    }

    static ClassificationScore Score(
        IReadOnlyList<CheckedImage> images,
        Func<CheckedImage, RankedAnswer> answer,
        bool ranked
    ) =>
        new(
            images.Count,
            images.Count(i => i.Accepted.Contains(answer(i).Class)),
            ranked ? images.Count(i => answer(i).Names(i.Accepted)) : null,
            Calibration.Of(images.Select(i => (answer(i).Probability, i.Accepted.Contains(answer(i).Class))))
        );

    static CheckedGroup Group(
        string name,
        int? label,
        IReadOnlyList<CheckedImage> images,
        bool ranked,
        bool compared
    ) =>
        new(
            name,
            label,
            images.Count,
            images.Count(i => i.IsRight),
            ranked ? images.Count(i => i.After.Names(i.Accepted)) : null,
            compared ? FlipsOf(images) : null
        );

    static Flips FlipsOf(IReadOnlyList<CheckedImage> images) =>
        Measurement.Flips.Of(
            [.. images.Select(i => i.Before!.Class)],
            [.. images.Select(i => i.After.Class)],
            [.. images.Select(i => i.Accepted)]
        );

    static Confusion[] Confused(IReadOnlyList<CheckedImage> images, bool compared)
    {
        Dictionary<(int Label, int Said), (int After, int Before)> cells = [];
        foreach (CheckedImage image in images)
        {
            if (!image.IsRight)
                Add((image.Label, image.After.Class), 1, 0);
            if (image.WasRight == false)
                Add((image.Label, image.Before!.Class), 0, 1);
        }
        return
        [
            .. cells
                .Where(c => c.Value.After > 0)
                .OrderByDescending(c => c.Value.After)
                .ThenBy(c => c.Key.Label)
                .ThenBy(c => c.Key.Said)
                .Select(c => new Confusion(c.Key.Label, c.Key.Said, c.Value.After, compared ? c.Value.Before : null)),
        ];

        void Add((int, int) cell, int after, int before)
        {
            (int a, int b) = cells.GetValueOrDefault(cell);
            cells[cell] = (a + after, b + before);
        }
    }
}
