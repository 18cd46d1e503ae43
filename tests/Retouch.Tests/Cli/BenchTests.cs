using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Images;
using Retouch.Measurement;

namespace Retouch.Tests.Cli;

/// <summary>Mining and measuring with the tiny model, from images to the table.</summary>
public sealed class BenchTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly string _accept;
    readonly string[] _shared;

    public BenchTests()
    {
        // Two folders whose classes the model finds unlikely: most images are failures.
        string wrong = _bench.WrongLabel();
        foreach (string folder in (string[])["paint/cat", "paint/owl", "paint/else"])
            Directory.CreateDirectory(_bench.Path(folder));
        for (int i = 0; i < 12; i++)
        {
            _bench.WriteImage($"paint/cat/{i:00}.png", 200 + i);
            _bench.WriteImage($"paint/owl/{i:00}.png", 300 + i);
        }
        _bench.WriteImage("paint/else/0.png", 400);
        int other = Enumerable
            .Range(0, Workbench.Classes)
            .First(c => c.ToString(CultureInfo.InvariantCulture) != wrong && c != Usual());
        _accept = _bench.Write("accept.json", $$"""{"cat": [{{wrong}}], "owl": [{{other}}, {{wrong}}]}""");
        _shared = ["--model", _bench.Model, "--images", _bench.Path("paint"), "--locality", _bench.Locality];
    }

    public void Dispose() => _bench.Dispose();

    int Usual() =>
        Ran.Retouch("predict", "--model", _bench.Model, "--top", "1", "--json", _bench.Path("paint/cat/00.png"))
            .Good()
            .Objects[0]
            .GetProperty("predictions")[0]
            .GetProperty("index")
            .GetInt32();

    string[] MineArgs(string output, params string[] more) =>
        [
            "mine",
            .. _shared,
            "--labels",
            _bench.Labels,
            "--accept",
            _accept,
            "--min",
            "3",
            "--margin",
            "0.9",
            "--out",
            output,
            .. more,
        ];

    string Mined()
    {
        Ran.Retouch(MineArgs(_bench.Path("b.json"), "--overwrite")).Good();
        return _bench.Path("b.json");
    }

    [Fact]
    public void Copies_of_locality_images_are_mined_once()
    {
        int once = BenchmarkFile.Load(Mined()).Locality.Count;
        string file = Directory.EnumerateFiles(_bench.Locality, "*.png", SearchOption.AllDirectories).First();
        File.Copy(file, Path.Combine(_bench.Locality, "zz copy.png"));
        Ran ran = Ran.Retouch(MineArgs(_bench.Path("copies.json"))).Good();
        Assert.Equal(once, BenchmarkFile.Load(_bench.Path("copies.json")).Locality.Count);
        Assert.Contains("1 file is a copy of others, by content", ran.Err, StringComparison.Ordinal);
    }

    string[] Bench(string output, params string[] more) =>
        [
            "bench",
            .. _shared,
            "--benchmark",
            _bench.Path("b.json"),
            "--locator",
            "gradient,random",
            "--keep",
            "0.2",
            "--lr",
            Workbench.Rate,
            "--steps",
            "30",
            "--batch",
            "4",
            "--out",
            _bench.Path(output),
            .. more,
        ];

    string[] Rows(string folder, string file = "rows.jsonl") =>
        [.. File.ReadAllLines(_bench.Path($"{folder}/{file}")).Select(WithoutSeconds)];

    static string WithoutSeconds(string row)
    {
        JsonObject json = JsonNode.Parse(row)!.AsObject();
        Assert.True(json.Remove("seconds"));
        json.Remove("memory");
        return json.ToJsonString();
    }

    [Fact]
    public void Mining_groups_the_failures_by_folder_and_wrong_class()
    {
        JsonElement mined = Assert.Single(Ran.Retouch(MineArgs(_bench.Path("b.json"), "--json")).Good().Objects);
        Benchmark benchmark = BenchmarkFile.Load(_bench.Path("b.json"));

        // The same by hand, from what predict says.
        string[] paths =
        [
            .. from c in (string[])["cat", "owl"] from i in Enumerable.Range(0, 12) select $"{c}/{i:00}.png",
        ];
        JsonElement[] predictions = Ran.Retouch([
                "predict",
                "--model",
                _bench.Model,
                "--top",
                "2",
                "--json",
                .. paths.Select(p => _bench.Path("paint/" + p)),
            ])
            .Good()
            .Objects;
        JsonElement accept = JsonElement.Parse(File.ReadAllText(_accept));
        var failures = paths
            .Zip(
                predictions,
                (p, o) =>
                    (Path: p, Class: p[..3], Wrong: o.GetProperty("predictions")[0].GetProperty("index").GetInt32())
            )
            .Where(f => accept.GetProperty(f.Class).EnumerateArray().All(a => a.GetInt32() != f.Wrong))
            .ToArray();
        var expected = failures
            .GroupBy(f => (f.Class, f.Wrong))
            .Where(g => g.Count() >= 3)
            .OrderBy(g => g.Key)
            .ToArray();
        Assert.InRange(expected.Length, 2, 20);
        Assert.Equal(expected.Select(g => $"paint/{g.Key.Class}→{g.Key.Wrong}"), benchmark.Groups.Select(g => g.Name));
        Assert.Equal(
            expected.SelectMany(g => g.Select(f => f.Path)),
            benchmark.Groups.SelectMany(g => g.Images.Select(i => i.Path))
        );
        Assert.All(
            benchmark.Groups,
            g => Assert.All(g.Images, i => Assert.Equal(ImageRoots.Hash(_bench.Path("paint/" + i.Path)), i.Sha256))
        );

        Assert.Equal(
            (24, 24 - failures.Length),
            (mined.GetProperty("images").GetInt32(), mined.GetProperty("right").GetInt32())
        );
        Assert.Equal(expected.Length, mined.GetProperty("groups").GetArrayLength());
        Assert.Equal(
            failures.GroupBy(f => (f.Class, f.Wrong)).Count() - expected.Length,
            mined.GetProperty("smallGroups").GetInt32()
        );
        Assert.Contains(
            mined.GetProperty("skipped").EnumerateArray(),
            s => s.GetString()!.Contains("else", StringComparison.Ordinal)
        );

        // Margins too.
        JsonElement[] locality = Ran.Retouch([
                "predict",
                "--model",
                _bench.Model,
                "--top",
                "2",
                "--json",
                .. Enumerable.Range(0, 6).Select(i => _bench.Path($"locality/{i}.png")),
            ])
            .Good()
            .Objects;
        double[] margins =
        [
            .. locality.Select(o =>
                o.GetProperty("predictions")[0].GetProperty("probability").GetDouble()
                - o.GetProperty("predictions")[1].GetProperty("probability").GetDouble()
            ),
        ];
        Assert.Equal(6, benchmark.Locality.Count);
        for (int i = 0; i < 6; i++)
            Assert.Equal(margins[i], benchmark.Locality[i].Margin, 1e-5);
        Assert.Equal(margins.Count(m => m < 0.9), mined.GetProperty("sensitiveImages").GetInt32());
    }

    [Fact]
    public void Mining_twice_writes_the_same_bytes()
    {
        byte[] first = File.ReadAllBytes(Mined());
        Assert.Equal(first, File.ReadAllBytes(Mined()));
    }

    [Fact]
    public void Every_edit_is_a_row_that_an_edit_alone_confirms()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        JsonElement[] summary = Ran.Retouch(Bench("run", "--json")).Good().Objects;
        BenchRow[] rows = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];
        int images = benchmark.Groups.Sum(g => g.Images.Count);
        Assert.Equal(Enumerable.Range(0, 2 * images), rows.Select(r => r.Edit));
        Assert.Contains(rows, r => r.Success);
        Assert.All(rows, r => Assert.Equal((47, 47 * 24L), (r.Units, r.Parameters)));

        // The first row of each group by the edit command, and what it gives the group by predict.
        foreach (BenchRow row in rows.Where(r => r.Settings["locator"] == "gradient").DistinctBy(r => r.Group))
        {
            FailureGroup group = benchmark.Groups.Single(g => g.Name == row.Group);
            string patch = _bench.Path("one.patch");
            string edited = _bench.Path("one.safetensors");
            JsonElement edit = Ran.Retouch(
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Path("paint/" + row.Image),
                "--label",
                $"{group.Label}",
                "--locator",
                "gradient",
                "--keep",
                "0.2",
                "--lr",
                Workbench.Rate,
                "--steps",
                "30",
                "--locality",
                _bench.Locality,
                "--force",
                "--out",
                patch,
                "--overwrite",
                "--json",
                "--quiet"
            ).Objects[0];
            Assert.Equal(edit.GetProperty("steps").GetInt32(), row.Steps);
            Assert.Equal(edit.GetProperty("localityRate").GetDouble(), row.Locality!.Value, 1e-12);
            int[] sensitive = [.. benchmark.Sensitive];
            int changed = edit.GetProperty("changed")
                .EnumerateArray()
                .Count(c => sensitive.Any(s => benchmark.Locality[s].Path == c.GetProperty("image").GetString()));
            Assert.Equal(sensitive.Length == 0 ? null : 1 - (double)changed / sensitive.Length, row.SensitiveLocality);
            Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", edited, "--overwrite").Good();
            int[] after =
            [
                .. Ran.Retouch([
                        "predict",
                        "--model",
                        edited,
                        "--top",
                        "1",
                        "--json",
                        .. group.Images.Select(i => _bench.Path("paint/" + i.Path)),
                    ])
                    .Good()
                    .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
            ];
            Assert.Equal(after[0], row.Predicted);
            Assert.Equal(group.Accepted.Contains(after[0]), row.Success);
            Assert.Equal((double)after.Skip(1).Count(group.Accepted.Contains) / row.Others, row.Generalization);
        }

        Assert.Equal(
            ["gradient", "random"],
            summary.Select(s => s.GetProperty("settings").GetProperty("locator").GetString())
        );
        Assert.Equal(
            rows.Take(images).Average(r => r.Generalization)!.Value,
            summary[0].GetProperty("generalization").GetProperty("mean").GetDouble(),
            1e-12
        );
        Assert.Equal(
            summary.Length,
            JsonElement.Parse(File.ReadAllText(_bench.Path("run/summary.json"))).GetArrayLength()
        );
    }

    [Fact]
    public void Shards_merge_into_the_rows_of_the_whole()
    {
        Mined();
        Ran.Retouch(Bench("whole")).Good();
        for (int i = 2; i >= 0; i--)
            Ran.Retouch(Bench("parts", "--shard", $"{i}/3")).Good();
        Ran merged = Ran.Retouch("merge", _bench.Path("parts"), "--out", _bench.Path("merged"), "--json").Good();
        Assert.Equal(Rows("whole"), Rows("merged"));
        Assert.Equal(2, merged.Objects.Length);
        Assert.Equal(File.ReadAllText(_bench.Path("whole/run.json")), File.ReadAllText(_bench.Path("merged/run.json")));

        // Named one by one, in another order, one twice, into their own folder: the same.
        string[] files = [.. ((int[])[1, 2, 0, 1]).Select(i => _bench.Path($"parts/rows-{i}-of-3.jsonl"))];
        Ran.Retouch(["merge", .. files, "--out", _bench.Path("parts")]).Good();
        Assert.Equal(Rows("whole"), Rows("parts"));

        // What is there is not replaced unasked.
        string report = File.ReadAllText(_bench.Path("whole/report.html"));
        _bench.Refuses(["merge", .. files, "--out", _bench.Path("whole")], "rows.jsonl exists", "--overwrite");
        Assert.Equal(report, File.ReadAllText(_bench.Path("whole/report.html")));
        Ran.Retouch(["merge", .. files, "--out", _bench.Path("merged"), "--overwrite"]).Good();

        _bench.Refuses(
            ["merge", files[0], files[1], "--out", _bench.Path("two")],
            "Of 3 parts part 0 is missing",
            "merge again"
        );
        Directory.CreateDirectory(_bench.Path("again"));
        foreach (string file in (string[])["rows-1-of-3.jsonl", "run.json"])
            File.Copy(_bench.Path($"parts/{file}"), _bench.Path($"again/{file}"));
        _bench.Refuses(
            ["merge", _bench.Path("parts"), _bench.Path("again"), "--out", _bench.Path("two")],
            "Part 1/3 is there twice",
            _bench.Path("again")
        );
        string zeroth = File.ReadAllText(files[2]);
        File.WriteAllText(files[2], "");
        _bench.Refuses(
            ["merge", .. files, "--out", _bench.Path("two")],
            $"{files[2]} is not as its task wrote it",
            "Run that task again"
        );
        string sum = File.ReadAllText($"{files[2]}.sha256");
        File.Delete($"{files[2]}.sha256");
        string lost = _bench.Refuses(["merge", .. files, "--out", _bench.Path("two")], "missing", "edit 0");
        File.WriteAllText(files[2], zeroth);
        Assert.Contains($"{Rows("parts", "rows-0-of-3.jsonl").Length} of the run's", lost, StringComparison.Ordinal);
        Assert.Contains($"{files[2]} was not finished: run the task again", lost, StringComparison.Ordinal);
        // With one digit changed after its end a part is begun anew.
        File.WriteAllText($"{files[2]}.sha256", sum);
        File.WriteAllText(files[2], zeroth.Replace("\"seconds\":0", "\"seconds\":9", StringComparison.Ordinal));
        Ran anew = Ran.Retouch(Bench("parts", "--shard", "0/3", "--resume")).Good();
        Assert.Contains("was changed since it came to its end", anew.Err, StringComparison.Ordinal);
        Assert.DoesNotContain("\"seconds\":9", File.ReadAllText(files[2]), StringComparison.Ordinal);
        Ran.Retouch(["merge", .. files, "--out", _bench.Path("merged"), "--overwrite"]).Good();
        Assert.Equal(Rows("whole"), Rows("merged"));

        File.Delete($"{files[0]}.sha256");
        string original = File.ReadAllText(files[0]);
        string first = original.Split('\n')[0];
        File.WriteAllText(
            files[0],
            original.Replace(
                first,
                first.Replace("\"others\":", "\"others\":1", StringComparison.Ordinal),
                StringComparison.Ordinal
            )
        );
        _bench.Refuses(
            ["merge", _bench.Path("whole/rows.jsonl"), files[0], "--out", _bench.Path("two")],
            "different results"
        );
        File.WriteAllText(files[0], original.Replace(first, "{}", StringComparison.Ordinal));
        _bench.Refuses(["merge", .. files, "--out", _bench.Path("two")], "Line 1", "not a row");
        File.WriteAllText(files[0], original);

        Ran.Retouch(Bench("other", "--seed", "1")).Good();
        _bench.Refuses(
            ["merge", files[0], _bench.Path("other/rows.jsonl"), "--out", _bench.Path("two")],
            "merge the shards of one run"
        );
    }

    [Fact]
    public void Images_that_memory_does_not_hold_give_the_same_rows()
    {
        Mined();
        string[] bench = Bench("whole");
        Ran.Retouch(bench).Good();
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("disk")), "--memory", "0"]).Good();
        Assert.Equal(Rows("whole"), Rows("disk"));
        _bench.Refuses(
            [.. Workbench.With(bench, "--out", _bench.Path("other")), "--memory", "-1"],
            "--memory",
            "at least 0"
        );
    }

    [Fact]
    public void A_run_goes_on_after_its_rows_were_cut_anywhere()
    {
        Mined();
        Ran.Retouch(Bench("whole")).Good();
        string[] expected = Rows("whole");
        byte[] bytes = File.ReadAllBytes(_bench.Path("whole/rows.jsonl"));
        int[] ends = [.. Enumerable.Range(0, bytes.Length).Where(i => bytes[i] == '\n').Select(i => i + 1)];
        // Nothing, within the first row, after a batch, after a row within a batch, within the last row, all.
        foreach (int length in (int[])[0, 10, ends[3], ends[5], ends[^1] - 1, bytes.Length])
        {
            File.WriteAllBytes(_bench.Path("whole/rows.jsonl"), bytes[..length]);
            // At once, before the images are loaded.
            Assert.DoesNotContain(
                "preprocessing:",
                _bench.Refuses(Bench("whole"), "--resume"),
                StringComparison.Ordinal
            );
            Ran ran = Ran.Retouch(Bench("whole", "--resume")).Good();
            Assert.Equal(expected, Rows("whole"));
            // What was there before is kept, not computed again.
            int kept = ends.LastOrDefault(e => e <= length);
            Assert.Equal(bytes[..kept], File.ReadAllBytes(_bench.Path("whole/rows.jsonl"))[..kept]);
        }
    }

    [Fact]
    public void Rows_of_another_run_or_order_are_not_gone_on_with()
    {
        Mined();
        Ran.Retouch(Bench("run")).Good();
        _bench.Refuses(Bench("run", "--resume", "--seed", "1"), "holds the run");
        string rows = _bench.Path("run/rows.jsonl");
        string[] lines = File.ReadAllLines(rows);
        File.WriteAllText(rows, string.Join('\n', lines[1], lines[0], ""));
        _bench.Refuses(Bench("run", "--resume"), "not the first ones");
        File.WriteAllText(rows, $"{lines[0]}\nrubbish\n{lines[1]}\n");
        _bench.Refuses(Bench("run", "--resume"), "Line 2", "not a row");
        File.Delete(_bench.Path("run/run.json"));
        File.WriteAllText(rows, lines[0].Replace("\"run\":\"", "\"run\":\"0", StringComparison.Ordinal) + "\n");
        Assert.Equal(2, Ran.Retouch(Bench("run", "--resume")).Code);
    }

    int[] Predicted(string model, IEnumerable<string> images) =>
        [
            .. Ran.Retouch(["predict", "--model", model, "--top", "1", "--json", .. images])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
        ];

    /// <summary>
    /// The edit of a row by the edit command, upon a model; gives the edited model's path and the edit's report.
    /// </summary>
    (string Edited, JsonElement Report) Edited(string model, BenchRow row, string name)
    {
        string patch = _bench.Path(name + ".patch");
        string edited = _bench.Path(name + ".safetensors");
        JsonElement edit = Ran.Retouch([
            "edit",
            "--model",
            model,
            "--image",
            .. row.FurtherImages.Prepend(row.Image).Select(i => _bench.Path("paint/" + i)),
            "--label",
            $"{row.Label}",
            "--locator",
            row.Settings["locator"],
            "--keep",
            "0.2",
            "--lr",
            row.Settings["lr"],
            "--steps",
            row.Settings["steps"],
            "--locality",
            _bench.Locality,
            "--force",
            "--out",
            patch,
            "--overwrite",
            "--json",
            "--quiet",
        ]).Objects[0];
        Ran.Retouch("apply", "--model", model, "--patch", patch, "--out", edited, "--overwrite").Good();
        return (edited, edit);
    }

    [Theory]
    [InlineData("--samples", "2,1")]
    [InlineData("--mode", "batch")]
    [InlineData("--mode", "batch", "--max-edits-per-group", "2")]
    public void Edits_on_several_images_are_rows_that_an_edit_alone_confirms(params string[] mode)
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] bench =
        [
            .. Workbench.With(Workbench.With(Bench("run"), "--locator", "gradient"), "--steps", "6"),
            .. mode,
        ];
        Ran ran = Ran.Retouch(bench).Good();
        BenchRow[] rows = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];
        Assert.Contains(rows, r => r.Samples > 1);
        Assert.Contains("images/edit", ran.Out, StringComparison.Ordinal);
        Assert.All(rows, r => Assert.Equal(r.Samples, r.FurtherImages.Count + 1));
        foreach (BenchRow row in rows.Where(r => r.Samples > 1).DistinctBy(r => r.Group))
        {
            FailureGroup group = benchmark.Groups.Single(g => g.Name == row.Group);
            string[] samples = [.. row.FurtherImages.Prepend(row.Image)];
            string[] others = [.. group.Images.Select(i => i.Path).Except(samples)];
            (string edited, JsonElement report) = Edited(_bench.Model, row, "one");
            Assert.Equal(report.GetProperty("steps").GetInt32(), row.Steps);
            Assert.Equal(report.GetProperty("localityRate").GetDouble(), row.Locality!.Value, 1e-12);
            Assert.Equal(
                Predicted(edited, samples.Select(i => _bench.Path("paint/" + i))).Count(group.Accepted.Contains),
                row.SamplesRight
            );
            Assert.Equal((row.SamplesRight == row.Samples, others.Length), (row.Success, row.Others));
            Assert.Equal(
                others.Length == 0
                    ? null
                    : (double)
                        Predicted(edited, others.Select(i => _bench.Path("paint/" + i))).Count(group.Accepted.Contains)
                        / others.Length,
                row.Generalization
            );
        }
        RunsTheSameInParts(bench);
    }

    [Fact]
    public void A_sequence_is_what_edits_upon_each_other_give_measured_against_the_unedited_model()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] bench = [.. Bench("run"), "--mode", "sequential", "--sequence", "6"];
        Ran ran = Ran.Retouch(bench).Good();
        foreach (string part in (string[])["sequential", "earlier right %", "LR at end %", "right at end %"])
            Assert.Contains(part, ran.Out, StringComparison.Ordinal);
        BenchRow[] rows =
        [
            .. BenchRowFile.Read(_bench.Path("run/rows.jsonl")).Where(r => r.Settings["locator"] == "gradient"),
        ];
        Assert.Equal(Enumerable.Range(1, 6), rows.Select(r => r.Step!.Value));
        Assert.True(rows.Select(r => r.Group).Distinct().Count() > 1);

        string model = _bench.Model;
        string[] photos = [.. Enumerable.Range(0, 6).Select(i => _bench.Path($"locality/{i}.png"))];
        int[] before = Predicted(model, photos);
        bool needless = false;
        foreach ((int i, BenchRow row) in rows.Index())
        {
            FailureGroup group = benchmark.Groups.Single(g => g.Name == row.Group);
            if (group.Accepted.Contains(Predicted(model, [_bench.Path("paint/" + row.Image)])[0]))
            {
                needless = true;
                Assert.Equal((0, 0, 0L, true), (row.Steps, row.Units, row.Parameters, row.Success));
            }
            else
            {
                (model, JsonElement report) = Edited(model, row, $"step{i}");
                Assert.Equal(report.GetProperty("steps").GetInt32(), row.Steps);
            }
            Assert.Equal(
                Predicted(model, photos).Zip(before, (a, b) => a == b ? 1.0 : 0).Average(),
                row.Locality!.Value,
                1e-12
            );
            Assert.Equal(row.Predicted, Predicted(model, [_bench.Path("paint/" + row.Image)])[0]);
            if (i == 0)
                Assert.Null(row.EarlierSuccess);
            else
                Assert.Equal(
                    rows.Take(i)
                        .Average(e =>
                            benchmark
                                .Groups.Single(g => g.Name == e.Group)
                                .Accepted.Contains(Predicted(model, [_bench.Path("paint/" + e.Image)])[0])
                                ? 1.0
                                : 0
                        ),
                    row.EarlierSuccess!.Value,
                    1e-12
                );
            string[] others =
            [
                .. group
                    .Images.Select(x => x.Path)
                    .Except(rows.Take(i + 1).Where(e => e.Group == row.Group).Select(e => e.Image)),
            ];
            Assert.Equal(others.Length, row.Others);
            Assert.Equal(
                others.Length == 0
                    ? null
                    : (double)
                        Predicted(model, others.Select(x => _bench.Path("paint/" + x))).Count(group.Accepted.Contains)
                        / others.Length,
                row.Generalization
            );
        }
        Assert.True(needless, "no image was corrected by an edit before its own");
        RunsTheSameInParts(bench);
        _bench.Refuses([.. bench, "--shard", "0/3"], "one unit of work", "at most 2 shards");
    }

    [Fact]
    public void A_sequence_may_be_measured_at_some_of_its_edits_and_edits_taken_back_at_its_end()
    {
        Mined();
        string[] bench = [.. Bench("run"), "--mode", "sequential", "--sequence", "6"];
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("all"))]).Good();
        bench = [.. bench, "--measure-at", "2,4", "--forget", "2"];
        Ran.Retouch(bench).Good();
        BenchRow[] all = [.. BenchRowFile.Read(_bench.Path("all/rows.jsonl"))];
        BenchRow[] some = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];
        Assert.Equal(12, some.Length);
        foreach ((BenchRow row, BenchRow measured) in some.Zip(all))
        {
            Assert.True(row.Memory > 0);
            Assert.Equal(
                (measured.Image, measured.Predicted, measured.Success, measured.Steps, measured.Step),
                (row.Image, row.Predicted, row.Success, row.Steps, row.Step)
            );
            if (row.Step is 2 or 4 or 6)
                Assert.Equal(
                    (measured.Locality, measured.EarlierSuccess, measured.Generalization, measured.Others),
                    (row.Locality, row.EarlierSuccess, row.Generalization, row.Others)
                );
            else
                Assert.True(row is { Locality: null, EarlierSuccess: null, Generalization: null, Others: 0 });
            Assert.Equal(row.Step == 6, row.Forgotten is not null);
        }
        foreach (BenchRow last in some.Where(r => r.Step == 6))
        {
            BenchRow[] edited = [.. some.Where(r => r.Settings["locator"] == last.Settings["locator"])];
            Assert.Equal(Math.Min(2, edited.Count(r => r.Parameters > 0)), last.Forgotten!.Count);
            Assert.All(last.Forgotten, f => Assert.NotEqual(0, edited[f.Step - 1].Parameters));
            Assert.All(last.Forgotten, f => Assert.InRange(f.Stand, 0, f.Standing));
        }
        RunsTheSameInParts(bench);
    }

    [Fact]
    public void All_groups_are_corrected_by_one_edit_each_image_to_its_own_class_and_half_is_held_out()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] bench =
        [
            .. Bench("run").TakeWhile(a => a != "--locator"),
            "--methods",
            "ft,head-alone,lora",
            "--set",
            $"ft.lr={Workbench.Rate}",
            "--set",
            "ft.steps=30",
            "--set",
            "lora.steps=30",
            "--set",
            "lora.batch=4",
            "--mode",
            "folder",
            "--out",
            _bench.Path("run"),
            .. Near(benchmark),
        ];
        Ran ran = Ran.Retouch(bench).Good();
        Assert.Contains("folder", ran.Out, StringComparison.Ordinal);
        BenchRow[] rows = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];
        Assert.Equal(3 * benchmark.Groups.Count, rows.Length);
        foreach (BenchRow[] edit in rows.Chunk(benchmark.Groups.Count))
        {
            Assert.Equal(benchmark.Groups.Select(g => (g.Name, g.Label)), edit.Select(r => (r.Group, r.Label)));
            Assert.Equal(benchmark.Groups.Select(g => g.Images.Count), edit.Select(r => r.Samples + r.Others));
            int images = benchmark.Groups.Sum(g => g.Images.Count);
            Assert.Equal(images - images / 2, edit.Sum(r => r.Samples));
            Assert.Single(edit.Select(r => r.Locality).Distinct());
            // The right images that were not held out do not count.
            Assert.True(edit[0].NearFlips!.Value.RightBefore > 0);
        }
        Assert.True(benchmark.Groups.Select(g => g.Label).Distinct().Count() > 1);
        SettingSummary summary = SettingSummary.Of(rows)[0];
        Assert.Equal(
            rows.Take(benchmark.Groups.Count).Sum(r => r.SamplesRight!.Value)
                / (double)rows.Take(benchmark.Groups.Count).Sum(r => r.Samples),
            summary.Success.Mean,
            1e-12
        );
        Assert.Equal((1, BenchMode.Folder), (summary.Edits, summary.Mode));
        RunsTheSameInParts(bench, 3);

        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("along")), "--along"]).Good();
        Assert.NotEqual(Rows("run"), Rows("along"));
    }

    // In shards, and after having been cut anywhere.
    void RunsTheSameInParts(string[] bench, int parts = 2)
    {
        string[] expected = Rows("run");
        for (int i = parts - 1; i >= 0; i--)
            Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("parts")), "--shard", $"{i}/{parts}"]).Good();
        Ran.Retouch("merge", _bench.Path("parts"), "--out", _bench.Path("merged")).Good();
        Assert.Equal(expected, Rows("merged"));
        string path = _bench.Path("run/rows.jsonl");
        byte[] bytes = File.ReadAllBytes(path);
        int[] ends = [.. Enumerable.Range(0, bytes.Length).Where(i => bytes[i] == '\n').Select(i => i + 1)];
        foreach (int length in (int[])[10, ends[ends.Length / 2] + 7])
        {
            File.WriteAllBytes(path, bytes[..length]);
            Ran.Retouch([.. bench, "--resume"]).Good();
            Assert.Equal(expected, Rows("run"));
        }
    }

    [Theory]
    [InlineData("--samples", "0", "from 1 to 64")]
    [InlineData("--samples", "1,x", "whole numbers")]
    [InlineData("--samples", "50", "No group")]
    [InlineData("--mode", "chain", "single, batch, folder, sequential")]
    [InlineData("--sequence", "5", "sequential edits only")]
    [InlineData("--sequence", "0", "at least 1")]
    [InlineData("--mode", "batch", "single edits only", "--samples", "2")]
    [InlineData("--mode", "sequential", "single edits only", "--samples", "1,2")]
    [InlineData("--mode", "sequential", "at most 2 shards", "--shard", "0/4")]
    public void A_mode_that_makes_no_sense_is_named(string option, string value, string words, params string[] more)
    {
        Mined();
        _bench.Refuses([.. Bench("run"), option, value, .. more], words);
    }

    [Fact]
    public void A_run_of_other_blocks_says_so_in_its_rows_and_the_usual_ones_are_the_usual_run()
    {
        Mined();
        string[] bench = [.. Bench("run"), "--max-edits-per-group", "1", "--steps", "2"];
        bench = [.. bench.Take(Array.IndexOf(bench, "--steps")), .. bench.Skip(Array.IndexOf(bench, "--steps") + 2)];
        Ran.Retouch(bench).Good();
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("named")), "--blocks", "1-3"]).Good();
        Assert.Equal(Rows("run"), Rows("named"));
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("early")), "--blocks", "0-1"]).Good();
        Assert.All(BenchRowFile.Read(_bench.Path("early/rows.jsonl")), r => Assert.Equal("0-1", r.Settings["blocks"]));
        Assert.All(
            BenchRowFile.Read(_bench.Path("run/rows.jsonl")),
            r => Assert.False(r.Settings.ContainsKey("blocks"))
        );
    }

    [Fact]
    public void A_location_is_searched_over_all_windows_and_goes_on_after_an_interrupt()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] search =
        [
            "search-location",
            .. _shared,
            "--benchmark",
            _bench.Path("b.json"),
            "--lr",
            Workbench.Rate,
            "--steps",
            "5",
            "--max-edits-per-group",
            "2",
            "--out",
            _bench.Path("run"),
        ];
        JsonElement found = Assert.Single(Ran.Retouch([.. search, "--json"]).Good().Objects);
        BenchRow[] rows = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];
        Assert.Equal(
            ["msa 0-2", "ffn 0-2", "msa 1-3", "ffn 1-3"],
            rows.Select(r => $"{r.Settings["layers"]} {r.Settings["blocks"]}").Distinct()
        );
        Assert.Equal(4 * 2 * benchmark.Groups.Count, rows.Length);

        // Of FFNs the first row by the edit command, of attention what is not an FFN's unit.
        BenchRow row = rows.First(r => r.Settings["layers"] == "ffn");
        JsonElement edit = Ran.Retouch(
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Path("paint/" + row.Image),
            "--label",
            $"{row.Label}",
            "--locator",
            "all",
            "--blocks",
            "0-2",
            "--lr",
            Workbench.Rate,
            "--steps",
            "5",
            "--locality",
            _bench.Locality,
            "--force",
            "--out",
            _bench.Path("one.patch"),
            "--json",
            "--quiet"
        ).Objects[0];
        Assert.Equal(
            (
                edit.GetProperty("steps").GetInt32(),
                edit.GetProperty("localityRate").GetDouble(),
                edit.GetProperty("units").GetInt32()
            ),
            (row.Steps, row.Locality!.Value, row.Units)
        );
        Assert.All(
            rows.Where(r => r.Settings["layers"] == "msa"),
            r => Assert.Equal((0, 3 * 4 * 24 * 24L), (r.Units, r.Parameters))
        );

        // With one step size a window's area is GR times LR.
        string Area(string layers) =>
            rows.Where(r => r.Settings["layers"] == layers)
                .GroupBy(r => r.Settings["blocks"])
                .MaxBy(w => w.Average(r => r.Generalization!.Value) * w.Average(r => r.Locality!.Value))!
                .Key;
        Assert.Equal(
            ("ffn", Area("ffn")),
            (
                found.GetProperty("recommended").GetProperty("layers").GetString(),
                found.GetProperty("recommended").GetProperty("blockRange").GetString()
            )
        );
        Assert.Equal(4, found.GetProperty("windows").GetArrayLength());
        Assert.True(
            File.Exists(_bench.Path("run/windows.csv"))
                && File.Exists(_bench.Path("run/windows.svg"))
                && File.Exists(_bench.Path("run/summary.json"))
        );

        string[] expected = Rows("run");
        byte[] bytes = File.ReadAllBytes(_bench.Path("run/rows.jsonl"));
        File.WriteAllBytes(_bench.Path("run/rows.jsonl"), bytes[..(bytes.Length / 2)]);
        _bench.Refuses(search, "--resume");
        Ran resumed = Ran.Retouch([.. search, "--resume"]).Good();
        Assert.Equal(expected, Rows("run"));
        Assert.Contains($"recommended: --blocks {Area("ffn")}", resumed.Out, StringComparison.Ordinal);

        // With near images every window says what it breaks there, and is another run.
        string[] near = [.. Workbench.With(search, "--out", _bench.Path("near-run")), .. Near(benchmark)];
        Ran harm = Ran.Retouch(near).Good();
        Assert.Contains("neg. flips % (95 % CI)", harm.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("neg. flips", resumed.Out, StringComparison.Ordinal);
        BenchRow[] harmed = [.. BenchRowFile.Read(_bench.Path("near-run/rows.jsonl"))];
        Assert.Equal(rows.Select(r => r.Locality), harmed.Select(r => r.Locality));
        Assert.All(harmed, r => Assert.NotNull(r.NearFlips));
        string[] csv = File.ReadAllLines(_bench.Path("near-run/windows.csv"));
        Assert.EndsWith(
            ",recommended,negative_flips,negative_flips_low,negative_flips_high,net_gain",
            csv[0],
            StringComparison.Ordinal
        );
        Assert.Equal(csv[0].Split(',').Length, csv[1].Split(',').Length);
        Assert.EndsWith(",recommended", File.ReadAllLines(_bench.Path("run/windows.csv"))[0], StringComparison.Ordinal);
        Assert.Equal(2, Ran.Retouch([.. Workbench.With(near, "--out", _bench.Path("run")), "--resume"]).Code);

        string[] elsewhere = Workbench.With(
            Workbench.With(search, "--images", _bench.Locality),
            "--out",
            _bench.Path("none")
        );
        _bench.Refuses(elsewhere, "mined from");
        _bench.Refuses([.. Workbench.With(search, "--lr", "fast")], "numbers such as");
        _bench.Refuses([.. Workbench.With(search, "--lr", "0")], "above 0");
        Ran.Retouch([
                .. MineArgs(_bench.Path("b.json"), "--overwrite").Where(a => a != "--locality" && a != _bench.Locality),
            ])
            .Good();
        _bench.Refuses(search, "no locality images");
    }

    [Fact]
    public void Random_masks_are_drawn_anew_for_each_edit_and_by_the_seed()
    {
        Mined();
        string[] random = Workbench.With(Bench("run", "--steps", "1"), "--locator", "random");
        Ran masks = Ran.Retouch(
                "bench",
                "masks",
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Path("paint"),
                "--locator",
                "random",
                "--keep",
                "0.2",
                "--json"
            )
            .Good();
        // Two independent masks of a fifth share 1/9 of their union.
        Assert.InRange(masks.Objects[0].GetProperty("within").GetDouble(), 0.05, 0.2);
        Assert.InRange(masks.Objects[0].GetProperty("across").GetDouble(), 0.05, 0.2);
    }

    [Fact]
    public void The_table_names_every_setting()
    {
        Mined();
        string table = Ran.Retouch(Bench("run", "--max-edits-per-group", "1")).Good().Out;
        foreach (
            string part in (string[])
                [
                    "SR %",
                    "GR % (95 % CI)",
                    "LR % (95 % CI)",
                    "masked-fine-tuning keep=0.2 locator=gradient",
                    "locator=random",
                    "Pareto",
                    "rows.jsonl",
                ]
        )
            Assert.Contains(part, table, StringComparison.Ordinal);
        string masks = Ran.Retouch(
                "bench",
                "masks",
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Path("paint"),
                "--locator",
                "gradient",
                "--keep",
                "0.2"
            )
            .Good()
            .Out;
        Assert.Contains("within groups", masks, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_that_changed_or_are_missing_are_refused_before_any_work()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string image = benchmark.Groups[0].Images[1].Path;
        string photo = benchmark.Locality[2].Path;
        string[] elsewhere = Workbench.With(Bench("run"), "--images", _bench.Locality);
        _bench.Refuses(elsewhere, benchmark.Groups[0].Images[0].Path, "mined from");
        _bench.Refuses([.. Bench("run").Where(a => a != "--locality" && a != _bench.Locality)], "--locality");
        byte[] old = File.ReadAllBytes(_bench.Path("paint/" + image));
        _bench.WriteImage("paint/" + image, 999);
        _bench.Refuses(Bench("run"), image, "SHA-256 differs");
        File.WriteAllBytes(_bench.Path("paint/" + image), old);
        File.Delete(_bench.Path("locality/" + photo));
        _bench.Refuses(Bench("run"), photo);
    }

    [Fact]
    public void A_benchmark_of_another_model_is_refused()
    {
        Mined();
        string other = _bench.WriteModel("other.safetensors", seed: 5);
        _bench.Refuses(Workbench.With(Bench("run"), "--model", other), "failures of the model");
    }

    [Fact]
    public void A_run_ends_with_its_report_and_a_gallery_of_its_edits()
    {
        Mined();
        Ran ran = Ran.Retouch(Bench("run", "--gallery", "2", "--labels", _bench.Labels)).Good();
        Assert.Contains(_bench.Path("run/report.html"), ran.Out, StringComparison.Ordinal);
        XElement page = XDocument.Load(_bench.Path("run/report.html")).Root!;
        XElement[] articles = [.. page.Descendants().Where(e => e.Name.LocalName == "article")];
        Assert.Equal(2, articles.Length);
        foreach (XElement article in articles)
        {
            byte[][] pictures =
            [
                .. article
                    .Descendants()
                    .Where(e => e.Name.LocalName == "img")
                    .Select(i => Convert.FromBase64String(((string)i.Attribute("src")!).Split(',')[1])),
            ];
            // The image itself, the same with its patches' shares, and small ones.
            Assert.True(pictures.Length >= 3, $"{pictures.Length} pictures");
            Assert.Equal(
                (12, 24, 96),
                (
                    ImageDecoder.Decode(pictures[0], "").Width,
                    ImageDecoder.Decode(pictures[1], "").Width,
                    ImageDecoder.Decode(pictures[2], "").Width
                )
            );
            Assert.Equal(6, article.Descendants().Count(e => e.Name.LocalName == "svg"));
        }
        Assert.True(File.Exists(_bench.Path("run/report-files/front-paint.svg")));
        Assert.Equal(File.ReadAllBytes(_bench.Path("b.json")), File.ReadAllBytes(_bench.Path("run/benchmark.json")));
        // Classes have their names.
        Assert.All(
            articles,
            a =>
                Assert.Contains(
                    File.ReadAllLines(_bench.Labels),
                    label => a.Value.Contains($"→ {label}", StringComparison.Ordinal)
                )
        );
    }

    [Fact]
    public void Runs_are_put_together_in_one_report()
    {
        Mined();
        Ran.Retouch(
                Workbench.With(Bench("one", "--max-edits-per-group", "2", "--gallery", "0"), "--locator", "gradient")
            )
            .Good();
        Ran.Retouch(Workbench.With(Bench("two", "--max-edits-per-group", "2", "--gallery", "0"), "--locator", "random"))
            .Good();
        Ran.Retouch(
                "bench",
                "masks",
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Path("paint"),
                "--locator",
                "gradient",
                "--keep",
                "0.2",
                "--out",
                _bench.Path("one")
            )
            .Good();
        string[] report = ["bench", "report", _bench.Path("one"), _bench.Path("two"), "--out", _bench.Path("all.html")];
        Ran ran = Ran.Retouch([.. report, "--json"]).Good();
        Assert.Equal(
            ["gradient mask", "random mask"],
            ran.Objects.Select(o => o.GetProperty("method").GetString()).Order(StringComparer.Ordinal)
        );
        XElement page = XDocument.Load(_bench.Path("all.html")).Root!;
        Assert.Contains(page.Descendants(), e => (string?)e.Attribute("id") == "masks");
        Assert.DoesNotContain(page.Descendants(), e => e.Name.LocalName == "article");
        Assert.True(File.Exists(_bench.Path("all-files/masks.csv")));
        byte[] first = File.ReadAllBytes(_bench.Path("all.html"));
        _bench.Refuses(report, "--overwrite");

        // With a model and images, edits are made again; the same bytes each time.
        string[] gallery =
        [
            .. report,
            "--overwrite",
            "--model",
            _bench.Model,
            "--images",
            _bench.Path("paint"),
            "--locality",
            _bench.Locality,
            "--gallery",
            "1",
        ];
        Ran.Retouch(gallery).Good();
        byte[] second = File.ReadAllBytes(_bench.Path("all.html"));
        Assert.True(second.Length > first.Length);
        Ran.Retouch(gallery).Good();
        Assert.Equal(second, File.ReadAllBytes(_bench.Path("all.html")));
        Ran.Retouch([
                .. gallery,
                "--setting",
                $"masked-fine-tuning keep=0.2 locator=random lr={Workbench.Rate} steps=30",
            ])
            .Good();
        Assert.Contains("All by", XDocument.Load(_bench.Path("all.html")).Root!.Value, StringComparison.Ordinal);

        string[] other = [.. report[..^1], _bench.Path("other.html")];
        _bench.Refuses([.. other, "--gallery", "1"], "--model");
        _bench.Refuses([.. other, "--model", _bench.Model], "--images");
        _bench.Refuses([.. other, "--gallery", "1000"], "from 0 to 100");
        _bench.Refuses(
            [.. other, "--model", _bench.WriteModel("foreign.safetensors", seed: 5), "--images", _bench.Path("paint")],
            "model of the runs"
        );
        _bench.Refuses(
            [.. other, "--model", _bench.Model, "--images", _bench.Path("paint"), "--setting", "nothing"],
            "nothing",
            "masked-fine-tuning keep=0.2 locator="
        );
        File.Delete(_bench.Path("one/benchmark.json"));
        File.Delete(_bench.Path("two/benchmark.json"));
        _bench.Refuses([.. other, "--model", _bench.Model, "--images", _bench.Path("paint")], "--benchmark");
        Ran.Retouch([
                .. other,
                "--model",
                _bench.Model,
                "--images",
                _bench.Path("paint"),
                "--gallery",
                "1",
                "--benchmark",
                _bench.Path("b.json"),
            ])
            .Good();
    }

    [Fact]
    public void A_folder_that_is_no_finished_run_is_no_report()
    {
        Mined();
        string[] report = ["bench", "report", "--out", _bench.Path("r.html")];
        _bench.Refuses([.. report, _bench.Path("none")], "none");
        _bench.Refuses([.. report, _bench.Locality], "run.json");
        Ran.Retouch(Bench("parts", "--max-edits-per-group", "1", "--shard", "0/2")).Good();
        Assert.False(File.Exists(_bench.Path("parts/report.html")));
        _bench.Refuses([.. report, _bench.Path("parts")], "'retouch merge --out");
        Ran.Retouch(Bench("parts", "--max-edits-per-group", "1", "--shard", "1/2")).Good();
        Ran.Retouch("merge", _bench.Path("parts"), "--out", _bench.Path("parts")).Good();
        Assert.True(File.Exists(_bench.Path("parts/report.html")));
        string rows = File.ReadAllText(_bench.Path("parts/rows.jsonl"));
        File.WriteAllText(_bench.Path("parts/rows.jsonl"), "");
        _bench.Refuses([.. report, _bench.Path("parts")], "no rows yet");
        File.WriteAllText(
            _bench.Path("parts/rows.jsonl"),
            rows.Replace("\"run\":\"", "\"run\":\"0", StringComparison.Ordinal)
        );
        _bench.Refuses([.. report, _bench.Path("parts")], "the manifest beside it");
    }

    [Theory]
    [InlineData("--shard", "3/3", "I/N")]
    [InlineData("--shard", "half", "I/N")]
    [InlineData("--max-edits-per-group", "0", "at least 1")]
    [InlineData("--sweep", "wide", "published, quick, full")]
    [InlineData("--methods", "roam", "masked-fine-tuning")]
    [InlineData("--set", "strength", "strength=0.01")]
    [InlineData("--set", "strength=1", "strength")]
    [InlineData("--set", "keep=0.5", "twice")]
    [InlineData("--set", "alpha=", "no value")]
    [InlineData("--seed", "x", "whole number")]
    public void An_option_that_makes_no_sense_is_named(string option, string value, string words)
    {
        Mined();
        _bench.Refuses([.. Bench("run"), option, value], words);
    }

    [Theory]
    [InlineData()]
    [InlineData("--mode", "sequential", "--sequence", "3")]
    public void Copies_of_a_groups_images_do_not_count_among_its_locality_images(params string[] mode)
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] bench =
        [
            .. Workbench.With(Bench("run", "--max-edits-per-group", "1", "--gallery", "0"), "--locator", "gradient"),
            .. mode,
        ];
        Ran without = Ran.Retouch(bench).Good();
        Assert.DoesNotContain("by their content", without.Err, StringComparison.Ordinal);
        BenchRow[] expected = [.. BenchRowFile.Read(_bench.Path("run/rows.jsonl"))];

        // In a sequence those of the groups that it edits; else of the first alone, so that the others' rows have more
        // images.
        FailureGroup[] copied =
            mode.Length == 0
                ? [benchmark.Groups[0]]
                : [.. benchmark.Groups.Where(g => expected.Any(r => r.Group == g.Name))];
        foreach ((int i, BenchmarkImage image) in copied.SelectMany(g => g.Images).Index())
            File.Copy(_bench.Path("paint/" + image.Path), _bench.Path($"locality/copy{i}.png"));
        Mined();
        Ran ran = Ran.Retouch(Workbench.With(bench, "--out", _bench.Path("again"))).Good();
        int copies = copied.Sum(g => g.Images.Count);
        Assert.Contains(
            $"{copies} of {6 + copies} locality images are also images of the benchmark's groups, by their content",
            ran.Err,
            StringComparison.Ordinal
        );
        BenchRow[] rows = [.. BenchRowFile.Read(_bench.Path("again/rows.jsonl"))];
        Assert.Contains(rows, r => r.Success && copied.Any(g => g.Name == r.Group));
        foreach (
            (BenchRow row, BenchRow before) in rows.Zip(expected).Where(r => copied.Any(g => g.Name == r.First.Group))
        )
            Assert.Equal((before.Image, before.Locality), (row.Image, row.Locality));
        Benchmark now = BenchmarkFile.Load(_bench.Path("b.json"));
        foreach ((int i, FailureGroup group) in now.Groups.Index())
            Assert.Equal(
                6 + copies - (copied.Any(g => g.Name == group.Name) ? group.Images.Count : 0),
                now.Unrelated([i]).Count
            );
    }

    // Images in folders that are called by classes, some of which the model gives them, and copies of the benchmark's.
    string[] Near(Benchmark benchmark)
    {
        string[] names = File.ReadAllLines(_bench.Labels);
        List<string> images = [];
        for (int i = 0; i < 16; i++)
            images.Add(_bench.WriteImage($"image{i:00}.png", 500 + i));
        int own = 0;
        foreach (BenchmarkImage image in benchmark.Groups.SelectMany(g => g.Images))
        {
            images.Add(_bench.Path($"image-of-group{own++:00}.png"));
            File.Copy(_bench.Path("paint/" + image.Path), images[^1]);
        }
        int[] said = Predicted(_bench.Model, images);
        foreach ((int i, string image) in images.Index())
        {
            string folder = _bench.Path($"near/{(i % 4 == 3 ? "zoo" : names[said[i]])}");
            Directory.CreateDirectory(folder);
            File.Move(image, Path.Combine(folder, Path.GetFileName(image)));
        }
        Directory.CreateDirectory(_bench.Path("near/misc"));
        _bench.WriteImage("near/misc/a.png", 600);
        int wrong = benchmark.Groups[0].Label;
        string accept = _bench.Write("near.json", $$"""{"zoo": [{{wrong}}]}""");
        return ["--near", _bench.Path("near"), "--labels", _bench.Labels, "--accept", accept];
    }

    [Theory]
    [InlineData()]
    [InlineData("--mode", "sequential", "--sequence", "3")]
    public void Near_images_say_what_an_edit_fixed_and_broke_as_its_model_does(params string[] mode)
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] plain =
        [
            .. Workbench.With(Bench("run", "--max-edits-per-group", "2", "--gallery", "0"), "--lr", "0.03"),
            .. mode,
        ];
        Ran.Retouch(Workbench.With(plain, "--out", _bench.Path("plain"))).Good();
        string[] bench = [.. plain, .. Near(benchmark)];
        Ran ran = Ran.Retouch(bench).Good();
        Assert.Contains("neg. flips % (95 % CI)", ran.Out, StringComparison.Ordinal);
        Assert.Contains("misc", ran.Err, StringComparison.Ordinal);

        // Without near images a run is what it was, and with them it is that with their counts.
        BenchManifest was = BenchFolder.ReadManifest(_bench.Path("plain"));
        BenchManifest now = BenchFolder.ReadManifest(_bench.Path("run"));
        string[] files = Directory.GetFiles(_bench.Path("near"), "*.png", SearchOption.AllDirectories);
        Assert.Equal((null, files.Length - 1), (was.NearImages, now.NearImages));
        Assert.NotEqual(was.Run, now.Run);
        Assert.DoesNotContain(
            "near",
            File.ReadAllText(_bench.Path("plain/run.json")),
            StringComparison.OrdinalIgnoreCase
        );
        Assert.All(Rows("plain"), r => Assert.DoesNotContain("near", r, StringComparison.OrdinalIgnoreCase));
        Assert.Equal(
            Rows("plain"),
            Rows("run")
                .Select(r =>
                {
                    JsonObject row = JsonNode.Parse(r)!.AsObject();
                    Assert.True(row.Remove("near"));
                    row["run"] = was.Run;
                    return row.ToJsonString();
                })
        );

        BenchRow[] rows =
        [
            .. BenchRowFile.Read(_bench.Path("run/rows.jsonl")).Where(r => r.Settings["locator"] == "gradient"),
        ];
        Assert.Contains(rows, r => r.NearFlips!.Value.Broken > 0);
        Assert.Contains(rows, r => r.NearFlips!.Value.Fixed > 0);
        HashSet<string> sequence =
        [
            .. benchmark
                .Groups.Where(g => rows.Any(r => r.Group == g.Name))
                .SelectMany(g => g.Images)
                .Select(i => i.Sha256),
        ];
        string model = _bench.Model;
        foreach ((int i, BenchRow row) in rows.Take(3).Index())
        {
            FailureGroup group = benchmark.Groups.Single(g => g.Name == row.Group);
            if (mode.Length == 0)
                model = _bench.Model;
            if (!group.Accepted.Contains(Predicted(model, [_bench.Path("paint/" + row.Image)])[0]))
                (model, _) = Edited(model, row, $"near{i}");
            HashSet<string> own = mode.Length > 0 ? sequence : [.. group.Images.Select(x => x.Sha256)];
            Assert.Equal(By(model, own), row.Near!.ToDictionary());
        }
        if (mode.Length == 0)
            RunsTheSameInParts(bench, parts: 3);
        else
            RunsTheSameInParts(bench);

        // The images are a part of the run.
        File.Delete(files.First(f => f.Contains("image0", StringComparison.Ordinal)));
        Ran other = Ran.Retouch([.. bench, "--resume"]);
        Assert.Equal(2, other.Code);
        Assert.Contains("holds the run", other.Err, StringComparison.Ordinal);

        Dictionary<string, Flips> By(string edited, HashSet<string> own)
        {
            string[] counted =
            [
                .. files
                    .Where(f => !f.Contains("misc", StringComparison.Ordinal) && !own.Contains(ImageRoots.Hash(f)))
                    .Order(StringComparer.Ordinal),
            ];
            string[] names = File.ReadAllLines(_bench.Labels);
            string[] folders = [.. counted.Select(f => Path.GetFileName(Path.GetDirectoryName(f)!))];
            IReadOnlyList<int>?[] right =
            [
                .. folders.Select(f => (int[])[f == "zoo" ? benchmark.Groups[0].Label : Array.IndexOf(names, f)]),
            ];
            (int[] before, int[] after) = (Predicted(_bench.Model, counted), Predicted(edited, counted));
            return folders
                .Distinct()
                .ToDictionary(
                    f => $"near/{f}",
                    f => Flips.Of(before, after, [.. right.Select((r, i) => folders[i] == f ? r : null)])
                );
        }
    }

    [Fact]
    public void What_near_folders_mean_is_said_of_near_folders_alone()
    {
        Mined();
        _bench.Refuses(Bench("run", "--accept", _accept), "--near");
        _bench.Refuses(Bench("run", "--near", _bench.Path("nowhere")), "nowhere");
    }

    // Images of which the model is sure and unsure, copies of them and of the groups', and one that is none.
    string[] Unsure(Benchmark benchmark)
    {
        foreach (string folder in (string[])["unsure/a", "unsure/b/c", "more"])
            Directory.CreateDirectory(_bench.Path(folder));
        for (int i = 0; i < 20; i++)
            _bench.WriteImage($"unsure/{(i % 2 == 0 ? "a" : "b/c")}/{i:00}.png", 700 + i);
        File.Copy(_bench.Path("unsure/a/04.png"), _bench.Path("more/again.png"));
        foreach ((int i, BenchmarkImage image) in benchmark.Groups.SelectMany(g => g.Images).Index())
            File.Copy(_bench.Path("paint/" + image.Path), _bench.Path($"more/group{i:00}.png"));
        _bench.Write("more/torn.png", [1, 2, 3]);
        return ["--sensitive", _bench.Path("unsure"), _bench.Path("more"), "--margin", "0.3"];
    }

    [Theory]
    [InlineData()]
    [InlineData("--mode", "sequential", "--sequence", "3")]
    public void Sensitive_images_are_mined_once_and_every_edit_says_how_many_of_them_it_changed(params string[] mode)
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] plain =
        [
            .. Workbench.With(Bench("run", "--max-edits-per-group", "2", "--gallery", "0"), "--lr", "0.03"),
            .. mode,
        ];
        Ran.Retouch(Workbench.With(plain, "--out", _bench.Path("plain"))).Good();
        string[] bench = [.. plain, .. Unsure(benchmark)];
        Ran ran = Ran.Retouch(bench).Good();

        // The same by hand, from what predict says.
        string[] all =
        [
            .. ((string[])["unsure", "more"]).SelectMany(f =>
                Directory
                    .GetFiles(_bench.Path(f), "*.png", SearchOption.AllDirectories)
                    .Where(p => !p.EndsWith("torn.png", StringComparison.Ordinal))
                    .Order(StringComparer.Ordinal)
            ),
        ];
        string[] once = [.. all.DistinctBy(ImageRoots.Hash)];
        Assert.Equal(all.Length - 1, once.Length);
        Assert.Contains("1 hold the same as another", ran.Err, StringComparison.Ordinal);
        Assert.Contains("torn.png", ran.Err, StringComparison.Ordinal);
        double[] margins =
        [
            .. Ran.Retouch(["predict", "--model", _bench.Model, "--top", "2", "--json", .. once])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions"))
                .Select(p => p[0].GetProperty("probability").GetDouble() - p[1].GetProperty("probability").GetDouble()),
        ];
        string[] sensitive = [.. once.Where((_, i) => margins[i] < 0.3)];
        Assert.InRange(sensitive.Length, 8, once.Length - 1);
        SensitiveImages mined = SensitiveFile.Read(_bench.Path("run"))!;
        Assert.Equal(sensitive.Select(ImageRoots.Hash), mined.Images.Select(i => i.Sha256));
        Assert.Equal((once.Length, 0.3), (mined.Asked, mined.Margin));
        Assert.Contains(
            $"{sensitive.Length} of {once.Length + 1}, with a margin below 0.3",
            ran.Err,
            StringComparison.Ordinal
        );

        // Without sensitive images a run is what it was, and with them it is that with their counts.
        BenchManifest was = BenchFolder.ReadManifest(_bench.Path("plain"));
        BenchManifest now = BenchFolder.ReadManifest(_bench.Path("run"));
        Assert.Equal((null, null), (was.SensitiveCandidates, was.SensitiveMargin));
        Assert.Equal((once.Length + 1, 0.3), (now.SensitiveCandidates, now.SensitiveMargin));
        Assert.NotEqual(was.Run, now.Run);
        Assert.False(File.Exists(_bench.Path("plain/sensitive.json")));
        Assert.DoesNotContain("sensitiveC", File.ReadAllText(_bench.Path("plain/run.json")), StringComparison.Ordinal);
        Assert.DoesNotContain("mined", File.ReadAllText(_bench.Path("plain/summary.json")), StringComparison.Ordinal);
        Assert.Equal(
            Rows("plain"),
            Rows("run")
                .Select(r =>
                {
                    JsonObject row = JsonNode.Parse(r)!.AsObject();
                    Assert.True(row.Remove("sensitive"));
                    row["run"] = was.Run;
                    return row.ToJsonString();
                })
        );

        BenchRow[] rows =
        [
            .. BenchRowFile.Read(_bench.Path("run/rows.jsonl")).Where(r => r.Settings["locator"] == "gradient"),
        ];
        Assert.Contains(rows, r => r.Sensitive!.Value.Changed > 0);
        HashSet<string> sequence =
        [
            .. benchmark
                .Groups.Where(g => rows.Any(r => r.Group == g.Name))
                .SelectMany(g => g.Images)
                .Select(i => i.Sha256),
        ];
        string model = _bench.Model;
        foreach ((int i, BenchRow row) in rows.Take(3).Index())
        {
            FailureGroup group = benchmark.Groups.Single(g => g.Name == row.Group);
            if (mode.Length == 0)
                model = _bench.Model;
            if (!group.Accepted.Contains(Predicted(model, [_bench.Path("paint/" + row.Image)])[0]))
                (model, _) = Edited(model, row, $"sensitive{i}");
            HashSet<string> own = mode.Length > 0 ? sequence : [.. group.Images.Select(x => x.Sha256)];
            string[] counted = [.. sensitive.Where(s => !own.Contains(ImageRoots.Hash(s)))];
            Assert.Equal(
                new ChangeCount(
                    counted.Length,
                    Predicted(_bench.Model, counted).Zip(Predicted(model, counted)).Count(p => p.First != p.Second)
                ),
                row.Sensitive
            );
        }
        JsonElement summary = JsonElement.Parse(File.ReadAllText(_bench.Path("run/summary.json")))[0];
        Assert.Equal(rows.Max(r => r.Sensitive!.Value.Images), summary.GetProperty("minedImages").GetInt32());
        Assert.Equal(
            rows.Average(r => r.Sensitive!.Value.Rate)!.Value,
            summary.GetProperty("minedLocality").GetProperty("mean").GetDouble(),
            1e-12
        );
        Assert.Contains(
            $"LR % of {summary.GetProperty("minedImages")} sensitive (95 % CI)",
            ran.Out,
            StringComparison.Ordinal
        );
        RunsTheSameInParts(bench);
        string kept = File.ReadAllText(_bench.Path("run/sensitive.json"));
        Assert.Equal(kept, File.ReadAllText(_bench.Path("parts/sensitive.json")));
        Assert.Equal(kept, File.ReadAllText(_bench.Path("merged/sensitive.json")));
    }

    [Fact]
    public void Sensitive_images_are_a_part_of_the_run_and_kept_with_it()
    {
        Benchmark benchmark = BenchmarkFile.Load(Mined());
        string[] bench =
        [
            .. Workbench.With(Bench("run", "--max-edits-per-group", "1", "--gallery", "0"), "--locator", "gradient"),
            .. Unsure(benchmark),
        ];
        Ran.Retouch(bench).Good();
        string[] expected = Rows("run");
        string[] more = [.. bench, "--resume"];
        string kept = File.ReadAllText(_bench.Path("run/sensitive.json"));

        // What lies there is taken, not mined again: with one image less the rows have one less.
        File.Delete(_bench.Path("run/rows.jsonl"));
        JsonObject fewer = JsonNode.Parse(kept)!.AsObject();
        fewer["images"]!.AsArray().RemoveAt(0);
        File.WriteAllText(_bench.Path("run/sensitive.json"), fewer.ToJsonString());
        Ran.Retouch(more).Good();
        Assert.Equal(
            SensitiveFile.Read(_bench.Path("run"))!.Images.Count,
            BenchRowFile.Read(_bench.Path("run/rows.jsonl")).Max(r => r.Sensitive!.Value.Images)
        );
        // One that is lost is mined again.
        File.Delete(_bench.Path("run/rows.jsonl"));
        File.Delete(_bench.Path("run/sensitive.json"));
        Ran.Retouch(more).Good();
        Assert.Equal(expected, Rows("run"));
        Assert.Equal(kept, File.ReadAllText(_bench.Path("run/sensitive.json")));

        // Of another model, or none at all.
        File.WriteAllText(
            _bench.Path("run/sensitive.json"),
            kept.Replace(benchmark.ModelFingerprint, new string('0', 64), StringComparison.Ordinal)
        );
        Ran other = Ran.Retouch(more);
        Assert.Equal(2, other.Code);
        Assert.Contains("of another run", other.Err, StringComparison.Ordinal);
        File.WriteAllText(_bench.Path("run/sensitive.json"), "{}");
        other = Ran.Retouch(more);
        Assert.Equal(2, other.Code);
        Assert.Contains("list of sensitive images", other.Err, StringComparison.Ordinal);
        File.WriteAllText(_bench.Path("run/sensitive.json"), kept);

        // Shards of folders that found different ones are not one run.
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("s0")), "--shard", "0/2"]).Good();
        Ran.Retouch([.. Workbench.With(bench, "--out", _bench.Path("s1")), "--shard", "1/2"]).Good();
        File.WriteAllText(_bench.Path("s1/sensitive.json"), fewer.ToJsonString());
        string[] merge = ["merge", _bench.Path("s0"), _bench.Path("s1"), "--out", _bench.Path("m")];
        _bench.Refuses(merge, "different sensitive images");
        File.WriteAllText(_bench.Path("s1/sensitive.json"), kept);
        Ran.Retouch(merge).Good();
        Assert.Equal(expected, Rows("m"));

        other = Ran.Retouch(Workbench.With(more, "--margin", "0.2"));
        Assert.Equal(2, other.Code);
        Assert.Contains("holds the run", other.Err, StringComparison.Ordinal);
        File.Delete(_bench.Path("unsure/a/00.png"));
        other = Ran.Retouch(more);
        Assert.Equal(2, other.Code);
        Assert.Contains("holds the run", other.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Sensitive_images_that_are_none_are_refused()
    {
        Mined();
        string[] bench = Bench("run", "--gallery", "0");
        _bench.Refuses([.. bench, "--margin", "0.1"], "--sensitive");
        _bench.Refuses([.. bench, "--sensitive", _bench.Path("nowhere")], "nowhere");
        Directory.CreateDirectory(_bench.Path("empty"));
        _bench.Refuses([.. bench, "--sensitive", _bench.Path("empty")], "empty", "holds no image");
        _bench.Refuses([.. bench, "--sensitive", _bench.Locality, "--margin", "2"], "--margin", "from 0 to 1");
        _bench.Write("empty/torn.png", [1, 2, 3]);
        Refused("None of the 1 images", "--sensitive", _bench.Path("empty"));
        Refused("is sure of all 6 images", "--sensitive", _bench.Locality, "--margin", "0");
        Refused("give a larger --margin", "--sensitive", _bench.Locality, "--margin", "0");

        // What was tried in vain leaves nothing in the way of another try.
        Ran.Retouch([.. bench, "--max-edits-per-group", "1", "--sensitive", _bench.Locality, "--margin", "1"]).Good();

        void Refused(string words, params string[] more)
        {
            Ran ran = Ran.Retouch([.. bench, .. more]);
            Assert.Equal(2, ran.Code);
            Assert.Contains(words, ran.Err, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_locator_is_the_published_methods_and_of_others_only_by_name()
    {
        Mined();
        string inputs = _bench.Path("inputs.prep");
        Ran.Retouch(
                "prepare",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--method",
                "kfac",
                "--out",
                inputs
            )
            .Good();
        string[] bench =
        [
            .. Workbench.With(
                Bench(
                    "run",
                    "--max-edits-per-group",
                    "1",
                    "--gallery",
                    "0",
                    "--methods",
                    "masked-fine-tuning",
                    "kfac",
                    "--prepared",
                    inputs
                ),
                "--locator",
                "gradient"
            ),
        ];
        Ran ran = Ran.Retouch(bench).Good();
        Assert.Contains(
            "--locator is masked-fine-tuning's; kfac keeps its own locator, fisher",
            ran.Err,
            StringComparison.Ordinal
        );
        Assert.Equal(["kfac fisher 50", "masked-fine-tuning gradient 30"], Settings("run"));
        ran = Ran.Retouch([
                .. Workbench.With(bench, "--out", _bench.Path("named")),
                "--set",
                "kfac.locator=random",
                "kfac.steps=7",
            ])
            .Good();
        Assert.DoesNotContain("keeps its own locator", ran.Err, StringComparison.Ordinal);
        Assert.Equal(["kfac random 7", "masked-fine-tuning gradient 30"], Settings("named"));
        // Alone it can only be meant for that method.
        Ran.Retouch(
                "bench",
                "--model",
                _bench.Model,
                "--images",
                _bench.Path("paint"),
                "--locality",
                _bench.Locality,
                "--benchmark",
                _bench.Path("b.json"),
                "--methods",
                "kfac",
                "--locator",
                "gradient",
                "--prepared",
                inputs,
                "--max-edits-per-group",
                "1",
                "--gallery",
                "0",
                "--out",
                _bench.Path("alone")
            )
            .Good();
        Assert.Equal(["kfac gradient 50"], Settings("alone"));
        _bench.Refuses([.. bench, "--set", "rome.stopLoss=1"], "rome", "none of the methods");
        _bench.Refuses([.. bench, "--set", "kfac.lr=1"], "kfac", "no setting lr");

        IEnumerable<string> Settings(string run) =>
            BenchRowFile
                .Read(_bench.Path($"{run}/rows.jsonl"))
                .Select(r => $"{r.Method} {r.Settings["locator"]} {r.Settings["steps"]}")
                .Distinct()
                .Order(StringComparer.Ordinal);
    }

    [Fact]
    public void A_step_size_of_several_kinds_is_asked_whose_it_is()
    {
        Mined();
        string[] bench =
        [
            "bench",
            .. _shared,
            "--benchmark",
            _bench.Path("b.json"),
            "--methods",
            "ft",
            "lora",
            "--max-edits-per-group",
            "1",
            "--gallery",
            "0",
            "--out",
            _bench.Path("run"),
        ];
        _bench.Refuses(
            [.. bench, "--lr", "1e-4"],
            "ft (2E-05 by default) and lora (0.002 by default)",
            "--set ft.lr=1e-4"
        );
        _bench.Refuses([.. bench, "--locator", "gradient"], "None of the methods ft, lora has a setting locator");
        Ran.Retouch([.. bench, "--steps", "1", "--set", "ft.lr=1e-4"]).Good();
        Assert.Equal(
            ["ft 0.0001 1", "lora 0.002 1"],
            BenchRowFile
                .Read(_bench.Path("run/rows.jsonl"))
                .Select(r => $"{r.Method} {r.Settings["lr"]} {r.Settings["steps"]}")
                .Distinct()
                .Order(StringComparer.Ordinal)
        );
    }

    [Theory]
    [InlineData("--keep", "2", "keep ratio is 2")]
    [InlineData("--lr", "fast", "lr is fast")]
    [InlineData("--locator", "guess", "no locator guess")]
    [InlineData("--locator", "hypernetwork", "--locator-file")]
    [InlineData("--batch", "0", "from 1 to 1024")]
    public void A_value_out_of_range_is_named(string option, string value, string words)
    {
        Mined();
        _bench.Refuses(Workbench.With(Bench("run"), option, value), words);
    }

    [Fact]
    public void Mining_that_makes_no_sense_is_refused()
    {
        string output = _bench.Path("b.json");
        string[] mine = MineArgs(output);
        _bench.Refuses(Workbench.With(mine, "--min", "0"), "--min", "at least 1");
        _bench.Refuses(Workbench.With(mine, "--margin", "2"), "--margin", "from 0 to 1");
        _bench.Refuses(Workbench.With(mine, "--min", "100"), "smaller groups with --min");
        _bench.Refuses(Workbench.With(mine, "--images", _bench.Path("none")), "no folder");
        _bench.Refuses(Workbench.With(mine, "--accept", _bench.Write("bad.json", """{"cat": [77]}""")), "77");
        _bench.Refuses([.. mine.Where(a => a != "--accept" && a != _accept)], "--accept");
        _bench.Refuses(
            Workbench.With(mine, "--accept", _bench.Write("none.json", """{"cat": [], "owl": [], "else": []}""")),
            "--accept"
        );
        _bench.Refuses([.. mine, "--images", _bench.Path("paint/cat")], "two of the folders");
        Mined();
        _bench.Refuses(mine, "--overwrite");
        foreach (string option in (string[])["--model", "--images", "--out"])
        {
            int place = Array.IndexOf(mine, option);
            _bench.Refuses([.. mine[..place], .. mine[(place + 2)..]], option);
        }
        _bench.Refuses(["merge", _bench.Path("none"), "--out", _bench.Path("x")], "none");
        _bench.Refuses(["merge", _bench.Locality, "--out", _bench.Path("x")], "holds no shard's rows");
        _bench.Refuses(["merge", "--out", _bench.Path("x")], "lies no part of it", "x-0-of-2");
        // What it was called before.
        _bench.Refuses(["bench", "merge", _bench.Path("none"), "--out", _bench.Path("x")], "none");
    }
}
