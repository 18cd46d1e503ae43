using System.Text.Json;
using System.Text.Json.Nodes;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Measurement;

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

    [Fact]
    public void Side_effects_are_those_of_the_edit_command_on_what_the_shift_command_makes()
    {
        Benchmark whole = BenchmarkFile.Load(world.Benchmark);
        Benchmark benchmark = whole with { Groups = [whole.Groups[0], whole.Groups[whole.Groups.Count / 2]] };
        string two = world.NewFile("two.json");
        BenchmarkFile.Save(benchmark, two, overwrite: false);
        // Ordinary letters of what the edited ones are and are taken for, two images of the first group, and one that
        // is none.
        FailureGroup first = benchmark.Groups[0];
        FailureGroup second = benchmark.Groups[1];
        string[] labels = File.ReadAllLines(world.Labels);
        string[] classes =
        [
            .. ((FailureGroup[])[first, second]).SelectMany(g => (string[])[g.Class, labels[g.Wrong]]).Distinct(),
        ];
        string folder = world.Subfolder("some", classes);
        string own = Path.Combine(folder, first.Class);
        foreach (BenchmarkImage image in first.Images.Take(2))
            File.Copy(
                Path.Combine(world.Images("natural"), image.Path),
                Path.Combine(own, $"of-group-{Path.GetFileName(image.Path)}")
            );
        File.WriteAllBytes(Path.Combine(own, "torn.png"), [1, 2, 3]);
        string run = world.NewFile("run");
        string[] bench =
        [
            "bench",
            "--model",
            world.Model,
            "--labels",
            world.Labels,
            "--benchmark",
            two,
            "--images",
            world.Images("natural"),
            world.Images("oil"),
            world.Images("stage"),
            "--locality",
            world.Images("locality"),
            "--methods",
            "gate",
            "ft",
            "--set",
            "ft.steps=5",
            "--max-edits-per-group",
            "1",
            "--gallery",
            "0",
            "--side-effects",
            folder,
            "--side-effect-edits",
            "2",
            "--seed",
            "3",
            "--out",
            run,
        ];
        Ran ran = Ran.Retouch([.. bench, "--json"]).Good();
        // Of fine-tuning another setting than its default was run.
        Assert.Contains("which is not in this run of ft", ran.Err, StringComparison.Ordinal);
        Assert.Contains("torn.png", ran.Err, StringComparison.Ordinal);
        string file = SideEffectFile.PathIn(run);
        SideEffects effects = SideEffectFile.Read(run)!;
        Assert.Equal([("gate", first.Name), ("gate", second.Name)], effects.Edits.Select(e => (e.Method, e.Group)));
        JsonElement summary = ran
            .Objects.Single(o => o.TryGetProperty("sideEffects", out _))
            .GetProperty("sideEffects")[0];
        Assert.Equal(2, summary.GetProperty("edits").GetInt32());

        // The edits by hand.
        string[] edited =
        [
            .. effects.Edits.Select(
                (e, i) =>
                {
                    FailureGroup group = benchmark.Groups.Single(g => g.Name == e.Group);
                    string patch = world.NewFile("one.patch");
                    string model = world.NewFile("one.safetensors");
                    Ran.Retouch(
                            "edit",
                            "--model",
                            world.Model,
                            "--labels",
                            world.Labels,
                            "--image",
                            Path.Combine(world.Images(group.Source), e.Image),
                            "--label",
                            $"index:{group.Label}",
                            "--method",
                            "gate",
                            "--seed",
                            "3",
                            "--force",
                            "--out",
                            patch
                        )
                        .Good();
                    Ran.Retouch("apply", "--model", world.Model, "--patch", patch, "--out", model).Good();
                    return model;
                }
            ),
        ];
        HashSet<string> hashes = [.. first.Images.Select(i => i.Sha256)];
        string[] images =
        [
            .. Directory
                .GetFiles(folder, "*.png", SearchOption.AllDirectories)
                .Where(f => !f.EndsWith("torn.png", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(images.Length + 1, effects.Count);
        foreach (Corruption corruption in (Corruption[])[new(null, 0), new("jpeg", 0.5), new("noise", 0.7)])
        {
            string spoilt = folder;
            if (!corruption.IsClean)
            {
                spoilt = world.NewFile("spoilt");
                Ran.Retouch(
                        "shift",
                        "--kind",
                        corruption.Shift!,
                        "--strength",
                        FormattableString.Invariant($"{corruption.Strength}"),
                        "--seed",
                        "3",
                        "--images",
                        folder,
                        "--out",
                        spoilt
                    )
                    .Good();
            }
            string[] shown = [.. images.Select(i => Path.Combine(spoilt, Path.GetRelativePath(folder, i)))];
            int[] before = Predicted(world.Model, shown);
            SideEffectMeasurement measured = effects.Measured.Single(m => m.Corruption == corruption);
            Assert.Equal(By(before, before, _ => false), measured.Unedited.ToDictionary());
            for (int e = 0; e < edited.Length; e++)
                Assert.Equal(
                    By(before, Predicted(edited[e], shown), i => e == 0 && hashes.Contains(ImageRoots.Hash(images[i]))),
                    measured.Edited[e].ToDictionary()
                );
        }
        Assert.Contains(effects.Measured, m => m.Edited.Any(e => Flips.Sum(e.Values).Broken > 0));

        // From where it was interrupted it goes on to the same, and nothing is measured twice.
        byte[] measuredOnce = File.ReadAllBytes(file);
        JsonObject part = JsonNode.Parse(measuredOnce)!.AsObject();
        for (int i = 0; i < 5; i++)
            part["measured"]!.AsArray().RemoveAt(part["measured"]!.AsArray().Count - 1);
        File.WriteAllText(file, part.ToJsonString());
        Ran.Retouch([.. bench, "--resume"]).Good();
        Assert.Equal(measuredOnce, File.ReadAllBytes(file));
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("id=\"effects\"", page, StringComparison.Ordinal);

        // The first shard has them, and merging keeps them.
        string parts = world.NewFile("parts");
        Ran.Retouch([.. Workbench.With(bench, "--out", parts), "--shard", "1/2"]).Good();
        Assert.False(File.Exists(SideEffectFile.PathIn(parts)));
        Ran.Retouch([.. Workbench.With(bench, "--out", parts), "--shard", "0/2"]).Good();
        string merged = world.NewFile("merged");
        ran = Ran.Retouch("merge", parts, "--out", merged).Good();
        Assert.Equal(measuredOnce, File.ReadAllBytes(SideEffectFile.PathIn(merged)));
        Assert.Contains("side effects of one edit", ran.Out, StringComparison.Ordinal);
        Assert.Contains("unedited, accuracy %", ran.Out, StringComparison.Ordinal);

        // Other edits or images are not mixed with them.
        ran = Ran.Retouch([.. Workbench.With(bench, "--side-effect-edits", "3"), "--resume"]);
        Assert.Equal(2, ran.Code);
        Assert.Contains("take that file away", ran.Err, StringComparison.Ordinal);
        Directory.Delete(Path.Combine(folder, labels[first.Wrong]), recursive: true);
        ran = Ran.Retouch([.. bench, "--resume"]);
        Assert.Equal(2, ran.Code);
        Assert.Contains("on other images", ran.Err, StringComparison.Ordinal);
        Assert.Equal(measuredOnce, File.ReadAllBytes(file));

        Dictionary<string, Flips> By(int[] before, int[] after, Func<int, bool> leftOut) =>
            images
                .Select((path, i) => (Class: Path.GetFileName(Path.GetDirectoryName(path)!), Image: i))
                .Where(x => !leftOut(x.Image))
                .GroupBy(x => x.Class)
                .ToDictionary(
                    c => $"some/{c.Key}",
                    c =>
                        Flips.Of(
                            [.. c.Select(x => before[x.Image])],
                            [.. c.Select(x => after[x.Image])],
                            [.. c.Select(_ => (IReadOnlyList<int>)[Array.IndexOf(labels, c.Key)])]
                        )
                );
    }

    static int[] Predicted(string model, string[] images) =>
        [
            .. Ran.Retouch(["predict", "--model", model, "--top", "1", "--json", .. images])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
        ];
}
