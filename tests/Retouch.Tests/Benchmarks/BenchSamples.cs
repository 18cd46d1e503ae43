using Retouch.Benchmarks;

namespace Retouch.Tests.Benchmarks;

/// <summary>Benchmarks and rows made up for tests.</summary>
static class BenchSamples
{
    public static string Hash(int i) => i.ToString("x64");

    public static BenchmarkImage Image(int i) => new($"elephant/pic_{i:000}.jpg", Hash(i));

    public static FailureGroup Group(int wrong, params int[] images) =>
        new("art_painting", "elephant", [386, 101], wrong, [.. images.Select(Image)]);

    public static Benchmark Benchmark() =>
        new()
        {
            ModelFingerprint = Hash(12345),
            Groups = [Group(51, 1, 2, 3), Group(917, 4, 5, 6, 7, 8), Group(611, 9, 10)],
            Locality =
            [
                new("0001_n01443537/a.jpg", Hash(50), 0.5),
                new("b.jpg", Hash(51), 0.0499),
                new("c d.jpg", Hash(52), 0.05),
            ],
        };

    public static BenchRow Row(int edit, string group, bool success, double? gr, double? lr, string keep = "0.05") =>
        new()
        {
            Run = "0123456789abcdef",
            Edit = edit,
            Method = "masked-fine-tuning",
            Settings = new SortedDictionary<string, string> { ["keep"] = keep, ["locator"] = "gradient" },
            Group = group,
            Image = $"elephant/{edit}.jpg",
            Label = 386,
            Predicted = success ? 386 : 917,
            Success = success,
            Generalization = gr,
            Others = 4,
            Locality = lr,
            SensitiveLocality = null,
            Steps = edit,
            Seconds = 0.5,
            Units = 100,
            Parameters = 19200,
        };
}
