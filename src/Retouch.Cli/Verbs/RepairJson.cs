using Retouch.Editing;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <param name="Image">The file.</param>
/// <param name="Group">Source, class and wrong answer.</param>
/// <param name="Label">The class that it is to have.</param>
/// <param name="Before">What the unedited model says.</param>
/// <param name="After">What the repaired model says.</param>
/// <param name="HeldOut">Whether it was kept out of the repair.</param>
/// <param name="Right">Whether it is right now.</param>
/// <param name="Why">Why it is not, where it was to be corrected; else null.</param>
sealed record RepairedImageJson(
    string Image,
    string Group,
    ClassJson Label,
    ClassJson Before,
    ClassJson After,
    bool HeldOut,
    bool Right,
    string? Why
);

sealed record RepairJson
{
    public required string Model { get; init; }
    public required string? Patch { get; init; }

    /// <summary>Whether the guards are kept and something was corrected.</summary>
    public required bool Success { get; init; }

    public required int ToCorrect { get; init; }
    public required int Corrected { get; init; }

    /// <summary>Failing images that the repair did not see, and how many of them are right now.</summary>
    public required int HeldOut { get; init; }
    public required int HeldOutCorrected { get; init; }

    /// <summary>The share of locality images that keep their class, in [0,1]; null without any.</summary>
    public required double? LocalityRate { get; init; }
    public required int LocalityImages { get; init; }

    /// <summary>The same of those whose two likeliest classes differ by less than 0.05; null without any.</summary>
    public required double? SensitiveRate { get; init; }
    public required int SensitiveImages { get; init; }

    /// <summary>Right labelled images that the repair was to keep right.</summary>
    public required FlipsJson Near { get; init; }

    /// <summary>Right labelled images that it did not see.</summary>
    public required FlipsJson NearHeldOut { get; init; }

    /// <summary>The images that earlier patches corrected.</summary>
    public required IReadOnlyList<RememberedImage> Remembered { get; init; }

    public required double AccuracyBefore { get; init; }
    public required double AccuracyAfter { get; init; }
    public required int SharedUnits { get; init; }
    public required int OwnUnits { get; init; }
    public required int AddedUnits { get; init; }

    /// <summary>Whether the mistakes teach something about each other; null where it was not asked.</summary>
    public required RepairTrial? Trial { get; init; }

    public required IReadOnlyList<RepairPlace> Tried { get; init; }
    public required bool GuardsKept { get; init; }
    public required double Seconds { get; init; }
    public required double TotalSeconds { get; init; }
    public required IReadOnlyList<RepairedImageJson> Images { get; init; }
    public required IReadOnlyList<string> LeftOut { get; init; }

    public static RepairJson Of(RepairReport r) =>
        new()
        {
            Model = r.Model,
            Patch = r.Patch,
            Success = r.GuardsKept && r.Corrected > 0,
            ToCorrect = r.ToCorrect,
            Corrected = r.Corrected,
            HeldOut = r.HeldOut,
            HeldOutCorrected = r.HeldOutCorrected,
            LocalityRate = Kept(r.LocalityChanged, r.LocalityImages),
            LocalityImages = r.LocalityImages,
            SensitiveRate = Kept(r.SensitiveChanged, r.SensitiveImages),
            SensitiveImages = r.SensitiveImages,
            Near = FlipsJson.Of(r.NearSeen),
            NearHeldOut = FlipsJson.Of(r.NearHeldOut),
            Remembered = r.Remembered,
            AccuracyBefore = r.AccuracyBefore,
            AccuracyAfter = r.AccuracyAfter,
            SharedUnits = r.SharedUnits,
            OwnUnits = r.OwnUnits,
            AddedUnits = r.AddedUnits,
            Trial = r.Trial,
            Tried = r.Tried,
            GuardsKept = r.GuardsKept,
            Seconds = r.Seconds,
            TotalSeconds = r.TotalSeconds,
            Images =
            [
                .. r.Images.Select(i => new RepairedImageJson(
                    i.Path,
                    i.Group,
                    Class(r, i.Label),
                    Class(r, i.Before),
                    Class(r, i.After),
                    i.HeldOut,
                    i.Right,
                    i.Why
                )),
            ],
            LeftOut = r.LeftOut,
        };

    static double? Kept(int changed, int of) => of == 0 ? null : 1 - (double)changed / of;

    static ClassJson Class(RepairReport report, int index) => new(index, report.Labels[index].Name);
}
