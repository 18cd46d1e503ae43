using Retouch.Benchmarks;

namespace Retouch.Tests.Cli;

/// <summary>Methods that edit different windows of blocks in one run, on the letters world.</summary>
public sealed class WindowsTests(LettersWorld world) : IClassFixture<LettersWorld>
{
    [Fact]
    public void A_run_of_two_windows_has_the_rows_of_its_shards_and_of_each_method_alone()
    {
        string whole = Run("whole", "ft,kfac");
        string parts = Run("parts", "ft,kfac", "--shard", "0/2");
        Ran.Retouch(Arguments(parts, "ft,kfac", "--shard", "1/2")).Good();
        string merged = Path.Combine(Path.GetDirectoryName(parts)!, "merged");
        Ran.Retouch("merge", parts, "--out", merged).Good();

        Dictionary<string, object?[]> rows = Rows(whole);
        Assert.Equal(rows, Rows(merged));
        Assert.Equal(["", "9-11"], rows.Keys.Select(k => k.Split('|')[^1]).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(rows.Where(r => r.Key.StartsWith("kfac|", StringComparison.Ordinal)), Rows(Run("kfac", "kfac")));
        Assert.Equal(rows.Where(r => r.Key.StartsWith("ft|", StringComparison.Ordinal)), Rows(Run("ft", "ft")));
    }

    string Run(string name, string methods, params string[] more)
    {
        string folder = world.NewFile(name);
        Ran.Retouch(Arguments(folder, methods, more)).Good();
        return folder;
    }

    string[] Arguments(string folder, string methods, params string[] more) =>
        [
            "bench",
            "--model",
            world.Model,
            "--labels",
            world.Labels,
            "--benchmark",
            world.Benchmark,
            "--images",
            world.Images("natural"),
            world.Images("oil"),
            world.Images("stage"),
            "--locality",
            world.Images("locality"),
            "--max-edits-per-group",
            "1",
            "--batch",
            "4",
            "--threads",
            "1",
            "--gallery",
            "0",
            "--methods",
            methods,
            "--set",
            "steps=5",
            "--out",
            folder,
            .. more,
        ];

    // What a row says by method, image and blocks, but for the seconds and its number in the run.
    static Dictionary<string, object?[]> Rows(string folder) =>
        BenchRowFile
            .Read(Path.Combine(folder, "rows.jsonl"))
            .ToDictionary(
                r => $"{r.Method}|{r.Group}|{r.Image}|{r.Settings.GetValueOrDefault("blocks")}",
                r =>
                    (object?[])
                        [
                            r.Success,
                            r.Generalization,
                            r.Locality,
                            r.SensitiveLocality,
                            r.Predicted,
                            r.Steps,
                            r.Units,
                            r.Parameters,
                        ]
            );
}
