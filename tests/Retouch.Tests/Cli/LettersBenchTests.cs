using Retouch.Benchmarks;

namespace Retouch.Tests.Cli;

/// <summary><c>bench</c> on the letters world, whose model has few classes and small images.</summary>
public sealed class LettersBenchTests(LettersWorld world) : IClassFixture<LettersWorld>
{
    [Fact]
    public void Sensitive_images_mined_among_the_locality_images_are_those_of_the_benchmark()
    {
        // The benchmark's margin leaves two of them, too few to see an edit change some.
        Benchmark benchmark = BenchmarkFile.Load(world.Benchmark) with
        {
            SensitiveMargin = 0.3,
        };
        string file = world.NewFile("wide.json");
        BenchmarkFile.Save(benchmark, file, overwrite: false);
        string run = world.NewFile("run");
        Ran.Retouch(
                "bench",
                "--model",
                world.Model,
                "--labels",
                world.Labels,
                "--benchmark",
                file,
                "--images",
                world.Images("natural"),
                world.Images("oil"),
                world.Images("stage"),
                "--locality",
                world.Images("locality"),
                "--sensitive",
                world.Images("locality"),
                "--margin",
                "0.3",
                "--methods",
                "gate",
                "--max-edits-per-group",
                "1",
                "--gallery",
                "0",
                "--out",
                run
            )
            .Good();
        SensitiveImages mined = SensitiveFile.Read(run)!;
        Assert.Equal(
            benchmark.Sensitive.Select(i => benchmark.Locality[i].Sha256).Order(StringComparer.Ordinal),
            mined.Images.Select(i => i.Sha256).Order(StringComparer.Ordinal)
        );
        IReadOnlyList<BenchRow> rows = BenchRowFile.Read(Path.Combine(run, "rows.jsonl"));
        Assert.Contains(rows, r => r.Sensitive!.Value.Changed > 0);
        Assert.All(rows, r => Assert.Equal(r.SensitiveLocality!.Value, r.Sensitive!.Value.Rate!.Value, 1e-12));
        Assert.All(rows, r => Assert.Equal(benchmark.Sensitive.Count, r.Sensitive!.Value.Images));
    }
}
