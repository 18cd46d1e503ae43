using System.Globalization;
using System.Text.Json.Serialization;
using Retouch.Editing;
using Retouch.Measurement;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <param name="Image">The file, relative to the folder.</param>
/// <param name="Before">What the unedited model says.</param>
/// <param name="After">What the edited model says.</param>
/// <param name="Kind">
/// <c>damaged</c> (it was right), <c>corrected</c> (it is right now), <c>wrong</c> (it is neither); null where its
/// folder names no class.
/// </param>
sealed record ChangedJson(string Image, ClassJson Before, ClassJson After, string? Kind);

/// <param name="Image">The file.</param>
/// <param name="AlreadyRight">Whether the model was right before the edit.</param>
/// <param name="Right">Whether it is right after it.</param>
/// <param name="ProbabilityBefore">The right class's probability before the edit, in [0,1].</param>
/// <param name="Probability">The same after it.</param>
/// <param name="After">The likeliest classes after it.</param>
sealed record EditedImageJson(
    string Image,
    bool AlreadyRight,
    bool Right,
    double ProbabilityBefore,
    double Probability,
    IReadOnlyList<PredictionJson> After
);

/// <param name="Images">The images whose folders name their classes.</param>
/// <param name="RightBefore">Those that the unedited model gives a right class.</param>
/// <param name="Fixed">Those that were wrong and are right now.</param>
/// <param name="Broken">Those that were right and are wrong now.</param>
/// <param name="Otherwise">Those that were wrong and are wrong otherwise.</param>
/// <param name="Unchanged">The others.</param>
/// <param name="NegativeFlipRate">Broken of those that were right, in [0,1]; null where none was.</param>
/// <param name="NetGain">Fixed less broken.</param>
/// <param name="ByFolder">The same of each folder; null within one.</param>
/// <param name="ByClass">The same of each class, <c>name (index)</c>; null within one.</param>
sealed record FlipsJson(
    int Images,
    int RightBefore,
    int Fixed,
    int Broken,
    int Otherwise,
    int Unchanged,
    double? NegativeFlipRate,
    int NetGain,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        IReadOnlyDictionary<string, FlipsJson>? ByFolder = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        IReadOnlyDictionary<string, FlipsJson>? ByClass = null
)
{
    public static FlipsJson Of(Flips f) =>
        new(f.Images, f.RightBefore, f.Fixed, f.Broken, f.Otherwise, f.Unchanged, f.NegativeFlipRate, f.NetGain);

    /// <summary>Those of named parts, in their order.</summary>
    public static OrderedDictionary<string, FlipsJson> Parts(IEnumerable<(string Name, Flips Flips)> parts) =>
        new(parts.Select(p => KeyValuePair.Create(p.Name, Of(p.Flips))));
}

/// <param name="Kind">What the method learned.</param>
/// <param name="Images">The number of locality images that it learned from.</param>
/// <param name="Of">The number of locality images in all.</param>
/// <param name="Source">SHA-256 over the contents of those that were given to it.</param>
/// <param name="Apart">Whether locality is measured on others.</param>
/// <param name="Kept">Whether they were learned before.</param>
sealed record StatisticsJson(string Kind, int Images, int Of, string Source, bool Apart, bool Kept);

/// <param name="Setting">The place on the way from general to local edits.</param>
/// <param name="Success">Whether the editing images are right.</param>
/// <param name="Locality">The locality rate, in [0,1]; null without locality images.</param>
/// <param name="Steps">Optimization steps.</param>
/// <param name="Near">What it did to near images; null without them.</param>
sealed record CurveJson(
    double Setting,
    bool Success,
    double? Locality,
    int Steps,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] FlipsJson? Near
);

sealed record EditJson
{
    public required string Image { get; init; }
    public required IReadOnlyList<string> Images { get; init; }
    public required ClassJson Label { get; init; }
    public required IReadOnlyList<PredictionJson> Before { get; init; }
    public required IReadOnlyList<PredictionJson> After { get; init; }
    public required IReadOnlyList<EditedImageJson> EachImage { get; init; }

    /// <summary>Whether the model was right on every image before any edit.</summary>
    public required bool AlreadyRight { get; init; }

    public required bool Success { get; init; }

    /// <summary>The images that are wrong under the edited model.</summary>
    public required IReadOnlyList<string> StillWrong { get; init; }

    public required int Steps { get; init; }
    public required double Seconds { get; init; }
    public required int Units { get; init; }
    public required long Parameters { get; init; }

    /// <summary>
    /// The fingerprint of the model whose predictions other images are measured against; null without such images.
    /// </summary>
    public required string? LocalityModel { get; init; }

    public required double? LocalityRate { get; init; }
    public required int? LocalityImages { get; init; }
    public required IReadOnlyList<ChangedJson> Changed { get; init; }

    /// <summary>
    /// What the edit turned right and what it broke among the locality images whose folders name their classes; null
    /// where none does.
    /// </summary>
    public required FlipsJson? Flips { get; init; }

    /// <summary>Locality images that are edited ones, by their bytes, and do not count.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    public required IReadOnlyList<string> Skipped { get; init; }
    public required string? Patch { get; init; }
    public required string Model { get; init; }
    public required string Method { get; init; }

    /// <summary>Why that method; null where the command named it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required string? Chosen { get; init; }

    /// <summary>What the method learned from locality images; null where that was at hand.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required StatisticsJson? Statistics { get; init; }

    public required IReadOnlyDictionary<string, string> Settings { get; init; }
    public required string? Locator { get; init; }
    public required string Blocks { get; init; }
    public required double? Keep { get; init; }
    public required double? LearningRate { get; init; }
    public required int Seed { get; init; }
    public required double? Guard { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required double? GuardNear { get; init; }

    public required double? GuardedSetting { get; init; }
    public required IReadOnlyList<CurveJson> Curve { get; init; }

    /// <summary>What the edit did to near images; null without them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required FlipsJson? Near { get; init; }

    /// <summary>Near images that do not count, since the edit or its method has seen them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? NearLeftOut { get; init; }

    /// <summary>The images that the patches in use corrected; null without --on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required IReadOnlyList<RememberedImage>? Remembered { get; init; }

    /// <summary>Whether the edit is more local than asked for, so that they stay right; null without --on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required bool? NarrowedForEarlier { get; init; }

    /// <summary>The record of a report.</summary>
    public static EditJson Of(EditReport report)
    {
        IReadOnlyDictionary<string, string> settings = report.Settings;
        string? locator = settings.GetValueOrDefault("locator");
        return new()
        {
            Image = report.Images[0].Path,
            Images = [.. report.Images.Select(i => i.Path)],
            Label = Class(report.Label),
            Before = Answer(report.Images[0].Before),
            After = Answer(report.Images[0].After),
            EachImage = [.. report.Images.Select(Each)],
            AlreadyRight = report.Images.All(i => i.Before.Right),
            StillWrong = [.. report.Images.Where(i => !i.After.Right).Select(i => i.Path)],
            Success = report.Success,
            Steps = report.Steps,
            Seconds = Math.Round(report.Seconds, 3),
            Units = report.Units,
            Parameters = report.Parameters,
            LocalityModel = report.Reference?.Fingerprint,
            LocalityRate = report.Locality?.Rate,
            LocalityImages = report.Locality?.Images,
            Changed = [.. (report.Locality?.Changed ?? []).Select(Changed)],
            Flips = report.Locality is { Flips: { } flips } locality
                ? FlipsJson.Of(flips) with
                {
                    ByFolder = FlipsJson.Parts(locality.FlipsByFolder.Select(f => (f.Key, f.Value))),
                    ByClass = FlipsJson.Parts(
                        locality.FlipsByClass.Select(c => ($"{report.Labels[c.Key].Name} ({c.Key})", c.Value))
                    ),
                }
                : null,
            LeftOut = report.LeftOut,
            Skipped = report.Locality?.Skipped ?? [],
            Patch = report.Patch,
            Model = report.Model,
            Method = report.Method.Name,
            Chosen = report.Choice?.Why,
            Statistics = report.Statistics is { } s
                ? new StatisticsJson(s.Kind, s.Images, s.Of, s.Source, s.AreApart, s.WereKept)
                : null,
            Settings = settings,
            Locator = locator,
            Blocks = report.ChangedBlocks,
            Keep = locator == Locators.All ? 1 : Number("keep"),
            LearningRate = Number("lr"),
            Seed = report.Seed,
            Guard = report.Guard,
            GuardNear = report.GuardNear,
            GuardedSetting = report.GuardedSetting,
            Curve = [.. report.Curve.Select(Point)],
            Near = report.Near is { } near
                ? FlipsJson.Of(near.Flips) with
                {
                    ByFolder = FlipsJson.Parts(near.ByFolder.Select(f => (f.Key, f.Value))),
                }
                : null,
            NearLeftOut = report.Near?.LeftOut,
            Remembered = report.Remembered.Count == 0 ? null : report.Remembered,
            NarrowedForEarlier = report.Remembered.Count == 0 ? null : report.NarrowedForEarlier,
        };

        ClassJson Class(int index) => new(index, report.Labels[index].Name);

        IReadOnlyList<PredictionJson> Answer(ImageAnswer answer) => Predictions.Named(answer.Likeliest, report.Labels);

        EditedImageJson Each(EditedImage image) =>
            new(
                image.Path,
                image.Before.Right,
                image.After.Right,
                image.Before.Probability,
                image.After.Probability,
                Answer(image.After)
            );

        ChangedJson Changed(ChangedImage c) => new(c.File, Class(c.Before), Class(c.After), Word(c.Kind));

        static CurveJson Point(GuardPoint p) =>
            new(p.Setting, p.Success, p.Locality, p.Steps, p.Near is { } flips ? FlipsJson.Of(flips) : null);

        double? Number(string knob) =>
            settings.TryGetValue(knob, out string? text) ? double.Parse(text, CultureInfo.InvariantCulture) : null;
    }

    /// <summary>What a changed prediction is, in a word.</summary>
    public static string? Word(ChangeKind? kind) => kind?.ToString().ToLowerInvariant();
}
