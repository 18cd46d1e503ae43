using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary>What <c>slices --json</c> prints.</summary>
sealed record SlicesJson
{
    public required string Page { get; init; }
    public required int Images { get; init; }
    public required int Unsure { get; init; }
    public required double Expected { get; init; }
    public required double Bits { get; init; }
    public required IReadOnlyList<SliceJson> Slices { get; init; }
    public required IReadOnlyList<string> Skipped { get; init; }

    public static SlicesJson Of(SliceFindings found, SliceRequest request) =>
        new()
        {
            Page = request.Page,
            Images = found.Images,
            Unsure = found.Unsure,
            Expected = found.Expected,
            Bits = found.Bits,
            Slices =
            [
                .. found.Slices.Select(
                    (s, i) =>
                        new SliceJson(
                            i + 1,
                            new ClassJson(s.Said, found.Labels[s.Said].Name),
                            [
                                .. s.Candidates.Select(c => new SliceCandidateJson(
                                    c.Class,
                                    found.Labels[c.Class].Name,
                                    c.Probability
                                )),
                            ],
                            s.Expected,
                            s.Likeness,
                            [
                                .. s.Traits.Select(t => new SliceTraitJson(
                                    t.Measure,
                                    t.Slice,
                                    t.Usual,
                                    t.Effect,
                                    t.Value
                                )),
                            ],
                            s.List!,
                            request.Repair!(
                                new SliceRepair(i + 1, s.List!, s.Images[0].Stronger is null ? "candidate" : "class")
                            ),
                            [.. s.Images.Select(m => m.File)]
                        )
                ),
            ],
            Skipped = [.. found.Skipped.Select(RemedyText.Of)],
        };
}

/// <summary>A slice.</summary>
sealed record SliceJson(
    int Number,
    ClassJson Said,
    IReadOnlyList<SliceCandidateJson> Candidates,
    double Expected,
    double Likeness,
    IReadOnlyList<SliceTraitJson> Traits,
    string List,
    string Repair,
    IReadOnlyList<string> Images
);

/// <summary>What a slice's images may be.</summary>
sealed record SliceCandidateJson(int Index, string Name, double Share);

/// <summary>How a slice looks otherwise.</summary>
sealed record SliceTraitJson(string Measure, double Slice, double Usual, double Effect, string? Value);
