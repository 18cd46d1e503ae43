using System.Globalization;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>
/// What a model must hold to before it is released. What is null or empty asks nothing. Immutable.
/// </summary>
public sealed record CheckCriteria
{
    /// <summary>At most so many images that were right are wrong.</summary>
    public int? MaxBroken { get; init; }

    /// <summary>At most so many in any class.</summary>
    public int? MaxBrokenPerClass { get; init; }

    /// <summary>At most such a share of the images that were right is wrong, in [0,1].</summary>
    public double? MaxNegativeFlipRate { get; init; }

    /// <summary>
    /// At least so many images that were wrong are right: of <see cref="FixedAmong"/>, or of all where that is empty.
    /// </summary>
    public int? MinFixed { get; init; }

    /// <summary>Folders and lists of the images of which so many are to be fixed.</summary>
    public IReadOnlyList<string> FixedAmong { get; init; } = [];

    /// <summary>At least so many more images are right than before; negative where some loss is allowed.</summary>
    public int? MinNetGain { get; init; }

    /// <summary>At least such a share of the images is right, in [0,1].</summary>
    public double? MinAccuracy { get; init; }

    /// <summary>At least such a share of <see cref="Locality"/> keeps its prediction, LR, in [0,1].</summary>
    public double? MinLocality { get; init; }

    /// <summary>A folder of images, which need no labels, whose predictions are compared; null for none.</summary>
    public string? Locality { get; init; }

    /// <summary>Folders and lists of images of which every one is to be right.</summary>
    public IReadOnlyList<string> MustBeRight { get; init; } = [];

    /// <summary>Whether nothing is asked.</summary>
    public bool AskNothing => !Stated().Any();

    /// <summary>These together with others.</summary>
    /// <param name="others">Others, of which none may be among these.</param>
    /// <exception cref="BadInputException">One is stated by both.</exception>
    public CheckCriteria And(CheckCriteria others)
    {
        if (All().Where(c => c.IsStated).Select(c => c.Name).Intersect(Names(others)).FirstOrDefault() is string twice)
            throw BadInput.Ambiguous(twice, $"The criterion {twice} is stated twice, by its file and beside it.");
        return new CheckCriteria
        {
            MaxBroken = MaxBroken ?? others.MaxBroken,
            MaxBrokenPerClass = MaxBrokenPerClass ?? others.MaxBrokenPerClass,
            MaxNegativeFlipRate = MaxNegativeFlipRate ?? others.MaxNegativeFlipRate,
            MinFixed = MinFixed ?? others.MinFixed,
            FixedAmong = [.. FixedAmong, .. others.FixedAmong],
            MinNetGain = MinNetGain ?? others.MinNetGain,
            MinAccuracy = MinAccuracy ?? others.MinAccuracy,
            MinLocality = MinLocality ?? others.MinLocality,
            Locality = Locality ?? others.Locality,
            MustBeRight = [.. MustBeRight, .. others.MustBeRight],
        };

        static IEnumerable<string> Names(CheckCriteria c) => c.All().Where(x => x.IsStated).Select(x => x.Name);
    }

    /// <summary>Checks ranges and what belongs together.</summary>
    /// <exception cref="BadInputException">A criterion is out of range, or lacks what it is about.</exception>
    public void Validate()
    {
        foreach (
            (string name, int? count) in (ReadOnlySpan<(string, int?)>)
                [(Criterion.MaxBroken, MaxBroken), (Criterion.MaxBrokenPerClass, MaxBrokenPerClass)]
        )
        {
            if (count < 0)
                throw BadInput.OutOfRange(name, $"The criterion {name} is {count}, but must be at least 0.");
        }
        if (MinFixed < 1)
            throw BadInput.OutOfRange(
                Criterion.MinFixed,
                $"The criterion {Criterion.MinFixed} is {MinFixed}, but must be at least 1."
            );
        foreach (
            (string name, double? share) in (ReadOnlySpan<(string, double?)>)
                [
                    (Criterion.MaxNegativeFlipRate, MaxNegativeFlipRate),
                    (Criterion.MinAccuracy, MinAccuracy),
                    (Criterion.MinLocality, MinLocality),
                ]
        )
        {
            if (share is double given && given is not (>= 0 and <= 1))
                throw BadInput.OutOfRange(
                    name,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The criterion {name} is {given}, but must be a share from 0 to 1."
                    )
                );
        }
        if (FixedAmong.Count > 0 && MinFixed is null)
            throw BadInput.Missing(
                Criterion.MinFixed,
                $"Images are named of which some are to be fixed, but not how many: {Criterion.MinFixed} says it."
            );
        if (MinLocality is not null && Locality is null)
            throw BadInput.Missing(
                Criterion.MinLocality,
                $"The criterion {Criterion.MinLocality} is about other images, which are not named.",
                Remedy.Option(Parameter.Locality)
            );
    }

    /// <summary>The first criterion that needs a model to compare with; null for none.</summary>
    internal string? Comparing =>
        Stated().FirstOrDefault(n => n is not (Criterion.MinAccuracy or Criterion.MustBeRight))
        ?? (Locality is null ? null : nameof(Locality).ToLowerInvariant());

    /// <summary>Which of them hold, in a fixed order.</summary>
    internal IReadOnlyList<CriterionResult> Judge(CheckedSets sets)
    {
        CheckSummary all = sets.Summary;
        Flips flips = all.Flips ?? default;
        List<CriterionResult> results = [];
        if (MaxBroken is int broken)
            Add(
                Criterion.MaxBroken,
                $"at most {Images(broken)} broken",
                $"{flips.Broken} broken of {flips.RightBefore} that were right",
                flips.Broken <= broken,
                all.Flipped(FlipKind.Broken)
            );
        if (MaxBrokenPerClass is int inClass)
        {
            CheckedGroup[] over = [.. all.ByClass.Where(c => c.Flips!.Value.Broken > inClass)];
            CheckedGroup? worst = all.ByClass.MaxBy(c => c.Flips!.Value.Broken);
            HashSet<int?> classes = [.. over.Select(c => c.Class)];
            Add(
                Criterion.MaxBrokenPerClass,
                $"at most {Images(inClass)} broken in any class",
                worst is null || worst.Flips!.Value.Broken == 0
                    ? "none broken"
                    : $"{worst.Flips.Value.Broken} in {worst.Name}"
                        + (over.Length > 1 ? $", too many in {over.Length} classes" : ""),
                over.Length == 0,
                all.Flipped(FlipKind.Broken).Where(i => classes.Contains(i.Label))
            );
        }
        if (MaxNegativeFlipRate is double rate)
            Add(
                Criterion.MaxNegativeFlipRate,
                $"at most {Percent(rate)} of the right images broken",
                flips.NegativeFlipRate is double measured
                    ? $"{Percent(measured)} ({flips.Broken} of {flips.RightBefore})"
                    : "none was right",
                // As a product of whole numbers and the bound: 1 of 100 is 0.01.
                flips.RightBefore == 0
                    || (double)flips.Broken / flips.RightBefore <= rate,
                all.Flipped(FlipKind.Broken)
            );
        if (MinFixed is int repaired)
        {
            IReadOnlyList<CheckedImage> among = sets.FixedAmong ?? all.Images;
            int count = among.Count(i => i.Flip == FlipKind.Fixed);
            Add(
                Criterion.MinFixed,
                sets.FixedAmong is null
                    ? $"at least {Images(repaired)} fixed"
                    : $"at least {repaired} of {Images(among.Count)} fixed",
                $"{count} fixed",
                count >= repaired,
                sets.FixedAmong is null ? [] : among.Where(i => !i.IsRight)
            );
        }
        if (MinNetGain is int gain)
            Add(
                Criterion.MinNetGain,
                $"a net gain of at least {Images(gain)}",
                $"{flips.Fixed} fixed, {flips.Broken} broken: {flips.NetGain}",
                flips.NetGain >= gain,
                all.Flipped(FlipKind.Broken)
            );
        if (MinAccuracy is double accuracy)
            Add(
                Criterion.MinAccuracy,
                $"an accuracy of at least {Percent(accuracy)}",
                $"{Percent((double)all.After.Right / all.After.Images)} ({all.After.Right} of {all.After.Images})",
                (double)all.After.Right / all.After.Images >= accuracy,
                []
            );
        if (MinLocality is double locality)
        {
            ChangeCount kept = sets.Locality!.Value;
            Add(
                Criterion.MinLocality,
                $"at least {Percent(locality)} of the locality images keep their prediction",
                $"{Percent(kept.Rate ?? 1)} ({kept.Changed} of {kept.Images} changed)",
                (double)(kept.Images - kept.Changed) / kept.Images >= locality,
                []
            );
        }
        if (MustBeRight.Count > 0)
        {
            CheckedImage[] wrong = [.. sets.MustBeRight!.Where(i => !i.IsRight)];
            int unread = sets.MustBeRightUnread;
            Add(
                Criterion.MustBeRight,
                $"{Images(sets.MustBeRight!.Count + unread)} right without exception",
                $"{sets.MustBeRight.Count - wrong.Length} right"
                    + (wrong.Length > 0 ? $", {wrong.Length} wrong" : "")
                    + (unread > 0 ? $", {unread} that cannot be decoded" : ""),
                wrong.Length == 0 && unread == 0,
                wrong
            );
        }
        return results;

        void Add(string name, string bound, string measured, bool holds, IEnumerable<CheckedImage> images) =>
            results.Add(new CriterionResult(name, bound, measured, holds, holds ? [] : [.. images]));
    }

    IEnumerable<string> Stated() => All().Where(c => c.IsStated && c.IsCriterion).Select(c => c.Name);

    IEnumerable<(string Name, bool IsStated, bool IsCriterion)> All() =>
        [
            (Criterion.MaxBroken, MaxBroken is not null, true),
            (Criterion.MaxBrokenPerClass, MaxBrokenPerClass is not null, true),
            (Criterion.MaxNegativeFlipRate, MaxNegativeFlipRate is not null, true),
            (Criterion.MinFixed, MinFixed is not null, true),
            ("fixedAmong", FixedAmong.Count > 0, false),
            (Criterion.MinNetGain, MinNetGain is not null, true),
            (Criterion.MinAccuracy, MinAccuracy is not null, true),
            (Criterion.MinLocality, MinLocality is not null, true),
            ("locality", Locality is not null, false),
            (Criterion.MustBeRight, MustBeRight.Count > 0, true),
        ];

    static string Images(int count) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} image{(count == 1 ? "" : "s")}");

    static string Percent(double share) => (100 * share).ToString("0.###", CultureInfo.InvariantCulture) + " %";

    static class Criterion
    {
        public const string MaxBroken = "maxBroken";
        public const string MaxBrokenPerClass = "maxBrokenPerClass";
        public const string MaxNegativeFlipRate = "maxNegativeFlipRate";
        public const string MinFixed = "minFixed";
        public const string MinNetGain = "minNetGain";
        public const string MinAccuracy = "minAccuracy";
        public const string MinLocality = "minLocality";
        public const string MustBeRight = "mustBeRight";
    }
}
