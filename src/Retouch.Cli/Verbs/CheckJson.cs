using Retouch.Formats;
using Retouch.Measurement;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <param name="Share">The share, in [0,1].</param>
/// <param name="Low">The lower end of its Wilson interval of 95 %.</param>
/// <param name="High">The upper end.</param>
sealed record ShareJson(double Share, double Low, double High)
{
    public static ShareJson? Of(Estimate? e) => e is { } given ? new(given.Mean, given.Low, given.High) : null;
}

/// <param name="Images">The number of images in the bin.</param>
/// <param name="Confidence">The mean probability of what is said.</param>
/// <param name="Accuracy">The share that is right.</param>
sealed record CalibrationBinJson(int Images, double Confidence, double Accuracy);

/// <param name="Images">The number of images.</param>
/// <param name="Right">How many are right.</param>
/// <param name="InTopFive">Those whose right class is among the five likeliest; null of few classes.</param>
/// <param name="Accuracy">The share that is right.</param>
/// <param name="TopFive">The share whose right class is among the five likeliest.</param>
/// <param name="CalibrationError">The expected calibration error, in [0,1].</param>
/// <param name="Calibration">The bins that it is of.</param>
sealed record ScoreJson(
    int Images,
    int Right,
    int? InTopFive,
    ShareJson? Accuracy,
    ShareJson? TopFive,
    double CalibrationError,
    IReadOnlyList<CalibrationBinJson> Calibration
)
{
    public static ScoreJson Of(ClassificationScore s) =>
        new(
            s.Images,
            s.Right,
            s.InTopFive,
            ShareJson.Of(s.Accuracy),
            ShareJson.Of(s.TopFiveAccuracy),
            s.Calibration.Error,
            [.. s.Calibration.Bins.Select(b => new CalibrationBinJson(b.Images, b.Confidence, b.Accuracy))]
        );
}

/// <param name="Name">The class's name, or the folder's source and name.</param>
/// <param name="Class">The class's index; null of a folder.</param>
/// <param name="Images">The number of images.</param>
/// <param name="Right">How many are right.</param>
/// <param name="InTopFive">Those whose right class is among the five likeliest; null of few classes.</param>
/// <param name="Accuracy">The share that is right, in [0,1].</param>
/// <param name="Flips">What changed; null where nothing is compared.</param>
sealed record GroupJson(
    string Name,
    int? Class,
    int Images,
    int Right,
    int? InTopFive,
    double Accuracy,
    FlipsJson? Flips
)
{
    public static GroupJson Of(CheckedGroup g) =>
        new(
            g.Name,
            g.Class,
            g.Images,
            g.Right,
            g.InTopFive,
            g.Accuracy,
            g.Flips is { } flips ? FlipsJson.Of(flips) : null
        );
}

/// <param name="Label">The images' class.</param>
/// <param name="Said">What the model says of them.</param>
/// <param name="Images">How many there are.</param>
/// <param name="Before">How many there were; null where nothing is compared.</param>
sealed record ConfusionJson(ClassJson Label, ClassJson Said, int Images, int? Before);

/// <param name="Image">Where the image is.</param>
/// <param name="Label">Its class.</param>
/// <param name="Said">What the model says.</param>
/// <param name="Probability">With which probability, in [0,1].</param>
/// <param name="Before">What the other model says; null where there is none.</param>
/// <param name="ProbabilityBefore">With which probability.</param>
sealed record CheckedImageJson(
    string Image,
    ClassJson Label,
    ClassJson Said,
    double Probability,
    ClassJson? Before,
    double? ProbabilityBefore
)
{
    public static CheckedImageJson Of(CheckedImage i, CheckReport report)
    {
        return new(
            i.FullPath,
            new ClassJson(i.Label, report.ClassNames[i.Label]),
            Class(i.After.Class),
            i.After.Probability,
            i.Before is { } before ? Class(before.Class) : null,
            i.Before?.Probability
        );

        ClassJson Class(int index) => new(index, report.Labels[index].Name);
    }
}

/// <param name="Name">What files call the criterion.</param>
/// <param name="Bound">What is asked, in words.</param>
/// <param name="Measured">What was measured, in words.</param>
/// <param name="Holds">Whether it holds.</param>
/// <param name="Images">The images for which it does not.</param>
sealed record CriterionJson(
    string Name,
    string Bound,
    string Measured,
    bool Holds,
    IReadOnlyList<CheckedImageJson> Images
);

/// <summary>What <c>check</c> says with <c>--json</c>.</summary>
sealed record CheckJson
{
    // What a reader gets whole; the file of answers has every image.
    const int MostImages = 10_000;
    const int MostCells = 1000;

    public required string Model { get; init; }
    public required string? Against { get; init; }
    public required bool Passed { get; init; }
    public required int Undecoded { get; init; }
    public required ScoreJson After { get; init; }
    public required ScoreJson? Before { get; init; }
    public required FlipsJson? Flips { get; init; }
    public required double? LocalityRate { get; init; }
    public required int? LocalityImages { get; init; }
    public required IReadOnlyList<CriterionJson> Criteria { get; init; }
    public required IReadOnlyList<CheckedImageJson> Broken { get; init; }
    public required IReadOnlyList<GroupJson> ByClass { get; init; }
    public required IReadOnlyList<GroupJson> ByFolder { get; init; }
    public required IReadOnlyList<ConfusionJson> Confusions { get; init; }
    public required string? Report { get; init; }
    public required int? Pictured { get; init; }
    public required string? Junit { get; init; }
    public required string? Mistakes { get; init; }
    public required string? Answers { get; init; }
    public required IReadOnlyList<string> Skipped { get; init; }

    public static CheckJson Of(CheckReport report, CheckRequest request)
    {
        CheckSummary summary = report.Summary;
        LabelSet labels = report.Labels;
        return new CheckJson
        {
            Model = report.Model,
            Against = report.Before,
            Passed = report.Passed,
            Undecoded = report.Undecoded,
            After = ScoreJson.Of(summary.After),
            Before = summary.Before is { } before ? ScoreJson.Of(before) : null,
            Flips = summary.Flips is { } flips ? FlipsJson.Of(flips) : null,
            LocalityRate = report.Locality?.Rate,
            LocalityImages = report.Locality?.Images,
            Criteria =
            [
                .. report.Criteria.Select(c => new CriterionJson(
                    c.Name,
                    c.Bound,
                    c.Measured,
                    c.Holds,
                    Images(c.Images)
                )),
            ],
            Broken = Images(summary.Flipped(FlipKind.Broken)),
            ByClass = [.. summary.ByClass.Select(GroupJson.Of)],
            ByFolder = [.. summary.ByFolder.Select(GroupJson.Of)],
            Confusions =
            [
                .. summary
                    .Confusions.Take(MostCells)
                    .Select(c => new ConfusionJson(
                        new ClassJson(c.Label, report.ClassNames[c.Label]),
                        new ClassJson(c.Said, labels[c.Said].Name),
                        c.Images,
                        c.Before
                    )),
            ],
            Report = request.Page,
            Pictured = report.Pictured,
            Junit = request.JUnit,
            Mistakes = request.Mistakes,
            Answers = request.Rows,
            Skipped = [.. report.Skipped.Select(RemedyText.Of)],
        };

        CheckedImageJson[] Images(IEnumerable<CheckedImage> images) =>
            [.. images.Take(MostImages).Select(i => CheckedImageJson.Of(i, report))];
    }
}
