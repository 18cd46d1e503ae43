using System.Globalization;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>What an edit was asked for, what it did and what it did not. Immutable; owns the edit.</summary>
public sealed record EditReport : IDisposable
{
    /// <summary>The fingerprint of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The names of its classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>The class that the images were to have.</summary>
    public required int Label { get; init; }

    /// <summary>The editing images with what the model says of them.</summary>
    public required IReadOnlyList<EditedImage> Images { get; init; }

    /// <summary>How it was edited.</summary>
    public required Method Method { get; init; }

    /// <summary>Why it was edited so; null where the request named the method.</summary>
    public MethodChoice? Choice { get; init; }

    /// <summary>
    /// What the method learned from some of the locality images; null where it learns nothing, or that came along or
    /// was given.
    /// </summary>
    public EditStatistics? Statistics { get; init; }

    /// <summary>The method's settings; where a guard chose one, with that.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The seed of everything random.</summary>
    public required int Seed { get; init; }

    /// <summary>Where the edit may have changed the model.</summary>
    public required EditSpace Space { get; init; }

    /// <summary>What other images are measured against; null where there are none.</summary>
    public required LocalityReference? Reference { get; init; }

    /// <summary>Locality images that are edited ones, by their bytes, and do not count.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>The bound that the request set; null for none.</summary>
    public required double? Guard { get; init; }

    /// <summary>The bound that the request set for near images; null for none.</summary>
    public double? GuardNear { get; init; }

    /// <summary>The edit; null where none was made or kept. It belongs to the report.</summary>
    public EditResult? Result { get; init; }

    /// <summary>
    /// Which blocks the edit changed, such as <c>9-11</c>: those of <see cref="Space"/>, unless the method has blocks
    /// of its own, whichever were named; <c>head</c> where it changed none.
    /// </summary>
    public string ChangedBlocks
    {
        get
        {
            if (Result is null)
                return Space.BlockRange;
            IEnumerable<int> blocks = Result.Patch.Change.Names.Select(VitNames.BlockOf).OfType<int>();
            int[] changed = [.. blocks.Distinct().Order()];
            return changed.Length == 0 ? "head"
                : changed.All(b => b >= Space.FirstBlock && b <= Space.LastBlock) ? Space.BlockRange
                : string.Join(',', changed);
        }
    }

    /// <summary>What else it changed; null where that was not measured, or no edit was kept.</summary>
    public EditLocality? Locality { get; init; }

    /// <summary>
    /// What it turned right and what it broke among near images; null where there are none, or no edit was kept.
    /// </summary>
    public EditNear? Near { get; init; }

    /// <summary>The images that the patches in use corrected, and what becomes of them.</summary>
    public IReadOnlyList<RememberedImage> Remembered { get; init; } = [];

    /// <summary>
    /// Whether the edit is a more local one than was asked for, so that what earlier patches corrected stays right.
    /// </summary>
    public bool NarrowedForEarlier { get; init; }

    /// <summary>The edits that a guard tried, the most general first.</summary>
    public IReadOnlyList<GuardPoint> Curve { get; init; } = [];

    /// <summary>
    /// The place on the way from general to local edits that a guard chose; null without a guard, or where no edit
    /// keeps to it.
    /// </summary>
    public double? GuardedSetting { get; init; }

    /// <summary>The number of locality images that a guard compared; 0 without one, or without them.</summary>
    public int GuardedImages { get; init; }

    /// <summary>The time that editing took, in seconds.</summary>
    public double Seconds { get; init; }

    /// <summary>The patch that was written; null for none.</summary>
    public string? Patch { get; init; }

    /// <summary>The provenance of that patch; null for none.</summary>
    public PatchProvenance? Provenance { get; init; }

    /// <summary>Why no patch was written; null where one was.</summary>
    public NotWritten? NotWritten { get; init; }

    /// <summary>
    /// Whether every editing image has the label, by an edit or without one; not where a guard found no edit.
    /// </summary>
    public bool Success => Result?.Success ?? NotWritten == UseCases.NotWritten.AlreadyRight;

    /// <summary>Optimization steps.</summary>
    public int Steps => Result?.Steps ?? 0;

    /// <summary>The number of hidden units that the edit touched.</summary>
    public int Units => Result?.Patch.Change is WeightDelta { Units: var units } ? units.Count : 0;

    /// <summary>The number of weights that it changed.</summary>
    public long Parameters => Result?.Patch.Change.Parameters ?? 0;

    /// <summary>
    /// A place on the method's way from general to local edits, as the values of the settings there, in columns.
    /// </summary>
    /// <param name="setting">The place.</param>
    public string Place(double setting) => Place(Method, setting);

    /// <summary>What an edit that a guard tried leaves as it is, and what it breaks.</summary>
    public static string Kept(GuardPoint point)
    {
        string? kept = point.Locality is double rate
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * rate, 6:0.00} % kept")
            : null;
        string? near = point.Near is { } flips
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{flips.Broken} of {flips.RightBefore} near broken ({100 * (flips.NegativeFlipRate ?? 0):0.00} %)"
            )
            : null;
        return string.Join(", ", ((string?[])[kept, near]).Where(text => text is not null));
    }

    internal static string Place(Method method, double setting)
    {
        IReadOnlyDictionary<string, string> there = method.AtGenerality(new Dictionary<string, string>(), setting);
        return string.Join(
            ", ",
            method.GeneralitySettings.Select(name =>
            {
                double value = double.Parse(there[name], CultureInfo.InvariantCulture);
                return string.Create(CultureInfo.InvariantCulture, $"{name} {value, -6:0.####}");
            })
        );
    }

    /// <summary>Frees the edit.</summary>
    public void Dispose() => Result?.Dispose();
}
