using Retouch.Benchmarks;
using Retouch.Reports;
using Retouch.Tests.Benchmarks;
using static Retouch.Tests.Reports.ReportSamples;

namespace Retouch.Tests.Reports;

public sealed class GalleryTests
{
    // Groups a to e, of medians 0.5, 0.1, 0.9, 0.3 and 0.7.
    static readonly BenchRow[] Rows =
    [
        .. ((string Group, double Median)[])[("a", 0.5), ("b", 0.1), ("c", 0.9), ("d", 0.3), ("e", 0.7)] is var groups
            ? groups.SelectMany(g =>
                (BenchRow[])
                    [
                        Masked(g.Group, "low", "gradient", "0.1", 0, 1),
                        Masked(g.Group, "high", "gradient", "0.1", 1, 1),
                        Masked(g.Group, "middle", "gradient", "0.1", g.Median, 1),
                    ]
            )
            : [],
    ];

    [Theory]
    [InlineData(5, "bdaec")]
    [InlineData(9, "bdaec")]
    [InlineData(3, "bac")]
    [InlineData(2, "bc")]
    [InlineData(1, "a")]
    [InlineData(0, "")]
    public void The_median_edit_of_each_group_from_the_least_to_the_most(int count, string expected)
    {
        IReadOnlyList<BenchRow> chosen = Gallery.Choose(Rows, count);
        Assert.Equal(expected, string.Concat(chosen.Select(r => r.Group)));
        Assert.All(chosen, r => Assert.Equal("middle", r.Image));
    }

    [Fact]
    public void A_benchmark_without_the_image_is_refused()
    {
        BadInputException e = Assert.Throws<BadInputException>(() =>
            Gallery.Restrict(BenchSamples.Benchmark(), [Rows[0]])
        );
        Assert.Contains("low", e.Message, StringComparison.Ordinal);
    }
}
