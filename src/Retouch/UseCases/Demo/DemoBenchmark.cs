using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>The demo's small benchmark. Immutable.</summary>
/// <param name="Summary">Means over groups, a setting each.</param>
/// <param name="EditsASetting">The number of edits of each.</param>
/// <param name="Page">The report.</param>
/// <param name="Picture">The corrected image as a picture, in SVG.</param>
public sealed record DemoBenchmark(
    IReadOnlyList<SettingSummary> Summary,
    int EditsASetting,
    string Page,
    string Picture
);
