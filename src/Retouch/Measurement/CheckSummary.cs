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
        Tally all = new();
        Dictionary<int, Tally> byClass = [];
        Dictionary<string, Tally> byFolder = [];
        Dictionary<(int Label, int Said), (int After, int Before)> cells = [];
        CalibrationSums after = new();
        CalibrationSums before = new();
        // Once over: there may be millions, which lie on a disk.
        foreach (CheckedImage image in images)
        {
            all.Add(image);
            Of(byClass, image.Label).Add(image);
            Of(byFolder, image.Folder).Add(image);
            after.Add(image.After.Probability, image.IsRight);
            if (image.Before is { } was)
                before.Add(was.Probability, image.WasRight == true);
            Confuse(cells, image);
        }
        Dictionary<int, string> names = byClass.ToDictionary(g => g.Key, g => g.Value.Name ?? labels[g.Key].Name);
        return new CheckSummary
        {
            Images = images,
            After = new(all.Images, all.Right, ranked ? all.InTopFive : null, after.Result()),
            Before = compared
                ? new(all.Images, all.Flips.RightBefore, ranked ? all.InTopFiveBefore : null, before.Result())
                : null,
            Flips = compared ? all.Flips : null,
            ByClass =
            [
                .. byClass.OrderBy(g => g.Key).Select(g => g.Value.Group(names[g.Key], g.Key, ranked, compared)),
            ],
            ByFolder =
            [
                .. byFolder
                    .OrderBy(g => g.Key, StringComparer.Ordinal)
                    .Select(g => g.Value.Group(g.Key, null, ranked, compared)),
            ],
            Confusions = Confused(cells, compared),
            ClassNames = names,
        };
    }

    static Tally Of<T>(Dictionary<T, Tally> groups, T key)
        where T : notnull
    {
        if (!groups.TryGetValue(key, out Tally? tally))
            groups[key] = tally = new Tally();
        return tally;
    }

    static void Confuse(Dictionary<(int Label, int Said), (int After, int Before)> cells, CheckedImage image)
    {
        if (!image.IsRight)
            Add((image.Label, image.After.Class), 1, 0);
        if (image.WasRight == false)
            Add((image.Label, image.Before!.Class), 0, 1);

        void Add((int, int) cell, int after, int before)
        {
            (int a, int b) = cells.GetValueOrDefault(cell);
            cells[cell] = (a + after, b + before);
        }
    }

    static Confusion[] Confused(Dictionary<(int Label, int Said), (int After, int Before)> cells, bool compared) =>
        [
            .. cells
                .Where(c => c.Value.After > 0)
                .OrderByDescending(c => c.Value.After)
                .ThenBy(c => c.Key.Label)
                .ThenBy(c => c.Key.Said)
                .Select(c => new Confusion(c.Key.Label, c.Key.Said, c.Value.After, compared ? c.Value.Before : null)),
        ];

    /// <summary>Counts of images.</summary>
    sealed class Tally
    {
        string? _folder;
        bool _isCalledByFolder = true;

        public int Images { get; private set; }

        public int Right { get; private set; }

        public int InTopFive { get; private set; }

        public int InTopFiveBefore { get; private set; }

        public Flips Flips { get; private set; }

        // A list writes several classes as such.
        public string? Name => _isCalledByFolder && _folder is { } name && !name.Contains('|') ? name : null;

        public void Add(CheckedImage image)
        {
            Images++;
            Right += image.IsRight ? 1 : 0;
            InTopFive += image.After.Names(image.Accepted) ? 1 : 0;
            if (image.Before is { } before)
            {
                InTopFiveBefore += before.Names(image.Accepted) ? 1 : 0;
                Flips = Flips.Plus(Measurement.Flips.OfOne(before.Class, image.After.Class, image.Accepted));
            }
            if (!_isCalledByFolder)
                return;
            string folder = image.Folder[(image.Folder.LastIndexOf('/') + 1)..];
            _isCalledByFolder = image.Accepted.Count > 1 && folder == (_folder ??= folder);
        }

        public CheckedGroup Group(string name, int? label, bool ranked, bool compared) =>
            new(name, label, Images, Right, ranked ? InTopFive : null, compared ? Flips : null);
    }
}
