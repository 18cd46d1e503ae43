using System.Text.Json;
using System.Xml.Linq;
using Retouch.Benchmarks;

namespace Retouch.Tests.Cli;

/// <summary><c>check</c> on the letters world.</summary>
[Collection(nameof(LettersWorld))]
public sealed class CheckTests(LettersWorld world)
{
    readonly FailureGroup _group = BenchmarkFile.Load(world.Benchmark).Groups.First(g => g.Source == "natural");

    string Image => Path.Combine(world.Images("natural"), _group.Images[0].Path);

    [Fact]
    public void A_model_alone_is_counted_as_predict_answers()
    {
        JsonElement check = Assert.Single(Ran.Retouch(Check("--json")).Good().Objects);
        (string Path, int Right, int[] Top, double Probability)[] said = Says(world.Model);
        JsonElement after = check.GetProperty("after");
        Assert.Equal(said.Length, after.GetProperty("images").GetInt32());
        Assert.Equal(said.Count(s => s.Top[0] == s.Right), after.GetProperty("right").GetInt32());
        Assert.Equal(said.Count(s => s.Top.Contains(s.Right)), after.GetProperty("inTopFive").GetInt32());
        Assert.Equal(JsonValueKind.Null, check.GetProperty("flips").ValueKind);
        Assert.True(check.GetProperty("passed").GetBoolean());

        double error = said.GroupBy(s => Math.Max((int)Math.Ceiling(s.Probability * 15), 1))
            .Sum(b => Math.Abs(b.Count(s => s.Top[0] == s.Right) - b.Sum(s => s.Probability)) / said.Length);
        Assert.Equal(error, after.GetProperty("calibrationError").GetDouble(), 1e-6);

        var cell = said.Where(s => s.Top[0] != s.Right).GroupBy(s => (s.Right, s.Top[0])).Max(g => g.Count());
        Assert.Equal(cell, check.GetProperty("confusions")[0].GetProperty("images").GetInt32());
        JsonElement ofClass = check
            .GetProperty("byClass")
            .EnumerateArray()
            .First(c => c.GetProperty("class").GetInt32() == _group.Label);
        Assert.Equal(
            said.Count(s => s.Right == _group.Label && s.Top[0] == s.Right),
            ofClass.GetProperty("right").GetInt32()
        );
    }

    [Fact]
    public void Flips_are_those_that_edit_and_the_models_own_answers_count()
    {
        string patch = Patch("leak=0.1", "gain=5");
        JsonElement check = Assert.Single(Ran.Retouch(Check("--patch", patch, "--json")).Good().Objects);
        string edited = world.NewFile("edited.safetensors");
        Ran.Retouch("apply", "--model", world.Model, "--patch", patch, "--out", edited).Good();
        var before = Says(world.Model);
        var after = Says(edited);
        bool[] was = [.. before.Select(b => b.Top[0] == b.Right)];
        bool[] now = [.. after.Select(a => a.Top[0] == a.Right)];
        string[] broken =
        [
            .. Enumerable.Range(0, was.Length).Where(i => was[i] && !now[i]).Select(i => before[i].Path),
        ];
        JsonElement flips = check.GetProperty("flips");
        Assert.Equal(was.Count(w => w), flips.GetProperty("rightBefore").GetInt32());
        Assert.Equal(
            Enumerable.Range(0, was.Length).Count(i => !was[i] && now[i]),
            flips.GetProperty("fixed").GetInt32()
        );
        Assert.Equal(broken.Length, flips.GetProperty("broken").GetInt32());
        Assert.NotEmpty(broken);
        Assert.Equal(
            broken.Order(StringComparer.Ordinal),
            check
                .GetProperty("broken")
                .EnumerateArray()
                .Select(b => b.GetProperty("image").GetString()!)
                .Order(StringComparer.Ordinal)
        );

        // The edited file against the model that it was made of says the same, to the last digit.
        JsonElement against = Assert.Single(
            Ran.Retouch([.. Of(edited, "natural"), "--against", world.Model, "--json"]).Good().Objects
        );
        foreach (string part in (string[])["after", "before", "flips", "byClass", "confusions", "broken"])
            Assert.Equal(check.GetProperty(part).GetRawText(), against.GetProperty(part).GetRawText());
    }

    [Fact]
    public void Flips_near_are_those_of_bench()
    {
        string folder = Path.GetDirectoryName(world.NewFile("b"))!;
        string benchmark = Path.Combine(folder, "one.json");
        BenchmarkFile.Save(
            BenchmarkFile.Load(world.Benchmark) with
            {
                Groups = [_group with { Images = [.. _group.Images.Take(2)] }],
                Locality = [],
            },
            benchmark,
            overwrite: false
        );
        string run = Path.Combine(folder, "run");
        string[] method = ["--locator", "gradient", "--keep", "0.2", "--seed", "3"];
        Ran.Retouch([
                "bench",
                "--model",
                world.Model,
                "--labels",
                world.Labels,
                "--benchmark",
                benchmark,
                "--images",
                world.Images("natural"),
                "--near",
                world.Images("natural"),
                "--methods",
                "masked-fine-tuning",
                .. method,
                "--out",
                run,
                "--gallery",
                "0",
            ])
            .Good();
        BenchRow row = BenchRowFile.Read(Path.Combine(run, "rows.jsonl")).First(r => r.Step is null);
        string image = Path.Combine(world.Images("natural"), row.Image);
        string patch = world.NewFile("p.patch");
        // Also one that does not correct its image counts in a benchmark.
        Ran.Retouch([
            "edit",
            "--model",
            world.Model,
            "--labels",
            world.Labels,
            "--image",
            image,
            "--label",
            $"index:{_group.Label}",
            "--method",
            "masked-fine-tuning",
            .. method,
            "--out",
            patch,
            "--force",
        ]);
        // bench leaves the edited group's own images out.
        string list = Path.Combine(folder, "near.csv");
        HashSet<string> own = [.. _group.Images.Take(2).Select(i => i.Path)];
        File.WriteAllLines(
            list,
            Files("natural")
                .Where(f => !own.Contains(Path.GetRelativePath(world.Images("natural"), f).Replace('\\', '/')))
                .Select(f => $"{f},index:{Right(f)}")
        );
        JsonElement flips = Assert
            .Single(
                Ran.Retouch(
                        "check",
                        "--model",
                        world.Model,
                        "--labels",
                        world.Labels,
                        "--images",
                        list,
                        "--patch",
                        patch,
                        "--json"
                    )
                    .Good()
                    .Objects
            )
            .GetProperty("flips");
        Retouch.Measurement.Flips near = row.NearFlips!.Value;
        Assert.Equal(
            (near.Images, near.RightBefore, near.Fixed, near.Broken, near.Otherwise),
            (
                flips.GetProperty("images").GetInt32(),
                flips.GetProperty("rightBefore").GetInt32(),
                flips.GetProperty("fixed").GetInt32(),
                flips.GetProperty("broken").GetInt32(),
                flips.GetProperty("otherwise").GetInt32()
            )
        );
    }

    [Fact]
    public void Criteria_that_hold_end_with_0_and_one_that_fails_with_1_and_its_images()
    {
        string patch = Patch("leak=0.1", "gain=5");
        string[] check = Check("--patch", patch);
        JsonElement flips = Assert.Single(Ran.Retouch([.. check, "--json"]).Good().Objects).GetProperty("flips");
        (int broken, int repaired) = (flips.GetProperty("broken").GetInt32(), flips.GetProperty("fixed").GetInt32());
        string junit = world.NewFile("junit.xml");
        Ran.Retouch([
                .. check,
                "--max-broken",
                $"{broken}",
                "--min-fixed",
                $"{repaired}",
                "--min-accuracy",
                "0.01",
                "--junit",
                junit,
            ])
            .Good();
        XElement[] good = JUnit(junit, failures: 0);
        Assert.Equal(3, good.Length);

        Ran ran = Ran.Retouch([.. check, "--max-broken", $"{broken - 1}", "--min-fixed", $"{repaired + 1}"]);
        Assert.Equal(1, ran.Code);
        Assert.EndsWith("FAILED: maxBroken, minFixed", ran.Out.TrimEnd(), StringComparison.Ordinal);
        Assert.Contains("\nbroken\n", ran.Out, StringComparison.Ordinal);

        JsonElement failed = Assert.Single(
            Ran.Retouch([
                .. check,
                "--max-broken",
                $"{broken - 1}",
                "--max-broken-per-class",
                "0",
                "--junit",
                junit,
                "--overwrite",
                "--json",
            ]).Objects
        );
        Assert.False(failed.GetProperty("passed").GetBoolean());
        JsonElement criterion = failed.GetProperty("criteria")[0];
        Assert.Equal("maxBroken", criterion.GetProperty("name").GetString());
        Assert.Equal(broken, criterion.GetProperty("images").GetArrayLength());
        XElement[] cases = JUnit(junit, failures: 2);
        XElement failure = cases[0].Element("failure")!;
        Assert.All(
            failed.GetProperty("broken").EnumerateArray(),
            b => Assert.Contains(b.GetProperty("image").GetString()!, failure.Value, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Promised_images_and_locality_are_asked_beside_the_others()
    {
        string patch = Patch();
        string folder = Path.GetDirectoryName(world.NewFile("c"))!;
        string promised = Path.Combine(folder, "promised.csv");
        File.WriteAllText(promised, $"path,class\n{Image},index:{_group.Label}\n");
        string criteria = Path.Combine(folder, "criteria.json");
        File.WriteAllText(
            criteria,
            $$"""
            {
              "mustBeRight": ["promised.csv"],
              "fixedAmong": ["promised.csv"],
              "minFixed": 1,
              "locality": "{{world.Images("locality")}}",
              "minLocality": 0.9
            }
            """
        );
        JsonElement check = Assert.Single(
            Ran.Retouch([.. Of(world.Model, "oil"), "--patch", patch, "--criteria", criteria, "--json"]).Good().Objects
        );
        Assert.Equal(Files("oil").Length, check.GetProperty("after").GetProperty("images").GetInt32());
        Assert.Equal(Files("locality").Length, check.GetProperty("localityImages").GetInt32());
        Assert.Equal(
            ["minFixed", "minLocality", "mustBeRight"],
            check.GetProperty("criteria").EnumerateArray().Select(c => c.GetProperty("name").GetString())
        );

        // Without the patch the promise breaks, and that needs nothing to compare with.
        Ran alone = Ran.Retouch([.. Of(world.Model, "oil"), "--must-be-right", promised]);
        Assert.Equal(1, alone.Code);
        Assert.Contains(
            "FAILS  1 image right without exception: 0 right, 1 wrong",
            alone.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(Path.GetFileName(Image), alone.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--mistakes", "x.json", ".csv")]
    [InlineData("--report", "x.csv", ".html")]
    [InlineData("--junit", "x.csv", ".xml")]
    public void A_file_that_is_called_otherwise_is_refused_by_the_option_that_names_it(
        string option,
        string file,
        string ending
    )
    {
        Ran ran = Ran.Retouch([.. Check(option, world.NewFile(file)), "--max-broken", "1"]);
        Assert.Equal(2, ran.Code);
        Assert.Contains($"give {option} a name that ends in {ending}", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_mistakes_is_a_list_of_images_that_are_all_wrong()
    {
        string mistakes = world.NewFile("mistakes.csv");
        JsonElement all = Assert.Single(Ran.Retouch(Check("--mistakes", mistakes, "--json")).Good().Objects);
        JsonElement again = Assert.Single(
            Ran.Retouch("check", "--model", world.Model, "--labels", world.Labels, "--images", mistakes, "--json")
                .Good()
                .Objects
        );
        JsonElement score = again.GetProperty("after");
        Assert.Equal(0, score.GetProperty("right").GetInt32());
        Assert.Equal(
            all.GetProperty("after").GetProperty("images").GetInt32()
                - all.GetProperty("after").GetProperty("right").GetInt32(),
            score.GetProperty("images").GetInt32()
        );
        Assert.Equal(all.GetProperty("confusions").GetRawText(), again.GetProperty("confusions").GetRawText());
    }

    [Fact]
    public void A_benchmark_is_a_list_of_images()
    {
        Benchmark benchmark = BenchmarkFile.Load(world.Benchmark);
        string root = Path.GetDirectoryName(world.Images("natural"))!;
        JsonElement check = Assert.Single(
            Ran.Retouch([
                    "check",
                    "--model",
                    world.Model,
                    "--labels",
                    world.Labels,
                    "--images",
                    world.Benchmark,
                    "--root",
                    .. ((string[])["natural", "oil", "stage"]).Select(s => Path.Combine(root, s)),
                    "--json",
                ])
                .Good()
                .Objects
        );
        Assert.Equal(
            (benchmark.Groups.Sum(g => g.Images.Count), 0),
            (
                check.GetProperty("after").GetProperty("images").GetInt32(),
                check.GetProperty("after").GetProperty("right").GetInt32()
            )
        );
    }

    [Fact]
    public void The_same_patch_twice_is_refused_and_a_check_twice_says_the_same()
    {
        string patch = Patch();
        string copy = world.NewFile("copy.patch");
        File.Copy(patch, copy);
        Ran twice = Ran.Retouch(Check("--patch", patch, copy));
        Assert.Equal(2, twice.Code);
        Assert.Contains("are the same patch", twice.Err, StringComparison.Ordinal);
        Assert.Contains(copy, twice.Err, StringComparison.Ordinal);

        Assert.Equal(
            Ran.Retouch(Check("--patch", patch, "--json")).Good().Out,
            Ran.Retouch(Check("--patch", patch, "--json")).Good().Out
        );
    }

    [Fact]
    public void A_check_that_was_stopped_goes_on_and_ends_the_same()
    {
        string patch = Patch();
        string whole = world.NewFile("whole.jsonl");
        string[] check = Check("--patch", patch, "--json", "--quiet");
        string said = Ran.Retouch([.. check, "--out", whole]).Good().Out;
        byte[] rows = File.ReadAllBytes(whole);
        string[] lines = File.ReadAllLines(whole);
        Assert.Equal(Files("natural").Length + 1, lines.Length);
        Assert.Equal(2, Ran.Retouch([.. check, "--out", whole]).Code);

        string part = world.NewFile("part.jsonl");
        foreach (int length in (int[])[0, 40, rows.Length / 3, rows.Length / 2, rows.Length - 5, rows.Length])
        {
            File.WriteAllBytes(part, rows[..length]);
            Ran ran = Ran.Retouch([.. check, "--out", part, "--resume"]).Good();
            Assert.Equal(Answers(said), Answers(ran.Out));
            Assert.Equal(rows, File.ReadAllBytes(part));
        }

        // Of another patch, model or set of images they are not taken.
        foreach (
            string[] other in (string[][])
                [Check("--out", part, "--resume"), [.. Of(world.Model, "oil"), "--out", part, "--resume"]]
        )
        {
            Ran ran = Ran.Retouch(other);
            Assert.Equal(2, ran.Code);
            Assert.Contains("of another check", ran.Err, StringComparison.Ordinal);
        }
        Assert.Equal(rows, File.ReadAllBytes(part));
        Ran.Retouch(Check("--out", part, "--resume", "--overwrite")).Good();

        static string Answers(string json) => json[..json.IndexOf("\"answers\"", StringComparison.Ordinal)];
    }

    [Theory]
    [InlineData("{\"image\":0}")]
    [InlineData("{\"image\":7,\"path\":\"x\",\"after\":{\"top\":[0,1,2,3,4],\"probability\":0.5}}")]
    [InlineData("{\"image\":0,\"path\":\"x\",\"after\":{\"top\":[0,1,2,3,99],\"probability\":0.5}}")]
    [InlineData("{\"image\":0,\"path\":\"x\",\"after\":{\"top\":[0,1],\"probability\":0.5}}")]
    [InlineData("{\"image\":0,\"path\":\"x\",\"after\":{\"top\":[0,1,2,3,4],\"probability\":1.5}}")]
    [InlineData("{\"image\":0,\"path\":\"x\",\"after\":{\"top\":[0,1,2,3,4],\"probability\":NaN}}")]
    [InlineData("nonsense")]
    public void Answers_that_were_changed_are_refused(string line)
    {
        string rows = world.NewFile("r.jsonl");
        Ran.Retouch(Check("--out", rows)).Good();
        string[] lines = File.ReadAllLines(rows);
        lines[1] = line;
        File.WriteAllLines(rows, lines);
        Ran ran = Ran.Retouch(Check("--out", rows, "--resume"));
        Assert.Equal(2, ran.Code);
        Assert.Contains("Line 2 of", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupt_keeps_the_answers_and_says_how_to_go_on()
    {
        string rows = world.NewFile("r.jsonl");
        string list = world.NewFile("many.csv");
        // So many that an interrupt comes before the last: the same images under many names.
        string folder = Path.GetDirectoryName(world.NewFile("x"))!;
        List<string> lines = [];
        for (int i = 0; i < 40; i++)
        {
            string link = Path.Combine(folder, $"{i}");
            Directory.CreateSymbolicLink(link, world.Images("natural"));
            lines.AddRange(
                Files("natural")
                    .Select(f =>
                        $"{Path.Combine(link, Path.GetRelativePath(world.Images("natural"), f))},index:{Right(f)}"
                    )
            );
        }
        File.WriteAllLines(list, lines);
        string[] check = ["check", "--model", world.Model, "--labels", world.Labels, "--images", list, "--out", rows];
        Ran ran = Child.Interrupted("INT", error: true, "preprocessing: ", check);
        Assert.Equal(130, ran.Code);
        Assert.Contains("--resume goes on with them.", ran.Err, StringComparison.Ordinal);
        int kept = File.ReadAllLines(rows).Length - 1;
        Assert.Contains(
            $"the answers to {kept} of {lines.Count} images are kept in",
            ran.Err,
            StringComparison.Ordinal
        );
        Ran again = Ran.Retouch([.. check, "--resume"]).Good();
        Assert.Contains($"images       {lines.Count} of", again.Out, StringComparison.Ordinal);
        Assert.Equal(lines.Count + 1, File.ReadAllLines(rows).Length);
    }

    [Theory]
    [InlineData("""{"maxBroke": 3}""", "maxBroke")]
    [InlineData("""{"maxBroken": 3, "maxBroken": 4}""", "there twice")]
    [InlineData("""{"maxBroken": -1}""", "at least 0")]
    [InlineData("""{"maxBroken": 1.5}""", "maxBroken")]
    [InlineData("""{"maxBroken": 1e99}""", "maxBroken")]
    [InlineData("""{"maxNegativeFlipRate": 2}""", "from 0 to 1")]
    [InlineData("""{"minLocality": 0.9}""", "--locality")]
    [InlineData("""{"fixedAmong": ["x.csv"]}""", "how many")]
    [InlineData("""{"mustBeRight": ["nowhere.csv"]}""", "nowhere.csv")]
    [InlineData("""{"mustBeRight": [null]}""", "empty or none")]
    [InlineData("""{"mustBeRight": "x"}""", "mustBeRight")]
    [InlineData("""{"version": 2, "maxBroken": 1}""", "version 2")]
    [InlineData("""{"format": "retouch-benchmark", "maxBroken": 1}""", "retouch-benchmark")]
    [InlineData("[]", "does not hold criteria")]
    [InlineData("null", "does not hold criteria")]
    [InlineData("{", "does not hold criteria")]
    public void A_hostile_file_of_criteria_is_refused(string json, string word)
    {
        string criteria = world.NewFile("criteria.json");
        File.WriteAllText(criteria, json);
        Ran ran = Ran.Retouch(Check("--against", world.Model, "--criteria", criteria));
        Assert.Equal(2, ran.Code);
        Assert.Contains(word, ran.Err, StringComparison.Ordinal);
        Assert.Equal("", ran.Out);
    }

    [Theory]
    [InlineData("--max-broken", "3", "needs a model to compare with; give the change with --patch")]
    [InlineData("--min-fixed", "3", "needs a model to compare with")]
    [InlineData("--max-broken", "-3", "at least 0")]
    [InlineData("--min-accuracy", "90", "from 0 to 1")]
    [InlineData("--junit", "j.xml", "give some with --criteria")]
    [InlineData("--report", "r.json", ".html")]
    [InlineData("--resume", null, "--out")]
    [InlineData("--images", "nowhere", "There is no folder and no list nowhere")]
    [InlineData("--must-be-right", "nowhere", "There is no folder and no list nowhere")]
    public void What_makes_no_sense_is_refused(string option, string? value, string word)
    {
        string[] args = option == "--images" ? ["check", "--model", world.Model] : Check();
        Ran ran = Ran.Retouch([.. args, option, .. value is null ? (string[])[] : [value]]);
        Assert.Equal(2, ran.Code);
        Assert.Contains(word, ran.Err, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere.png,index:3", "Line 1 of")]
    [InlineData("path,class\nnowhere.png,index:3", "Line 2 of")]
    [InlineData("IMAGE,unicorn", "Line 1 of")]
    [InlineData("IMAGE", "does not say its image's class")]
    [InlineData("\"IMAGE,index:3", "quotation mark")]
    [InlineData("IMAGE,index:3\nIMAGE,index:3", "named twice among the images, as index:3 in line 1 of")]
    [InlineData("", "names no image")]
    [InlineData("{\"format\":\"x\"}", "not a benchmark")]
    public void A_list_that_is_none_is_refused_with_its_line(string text, string word)
    {
        string list = world.NewFile("list.csv");
        File.WriteAllText(list, text.Replace("IMAGE", Image, StringComparison.Ordinal));
        Ran ran = Ran.Retouch("check", "--model", world.Model, "--labels", world.Labels, "--images", list);
        Assert.Equal(2, ran.Code);
        Assert.Contains(word, ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_is_no_list()
    {
        Ran ran = Ran.Retouch("check", "--model", world.Model, "--labels", world.Labels, "--images", Image);
        Assert.Equal(2, ran.Code);
        Assert.Contains("is an image, which does not say its class", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void No_output_replaces_what_is_read()
    {
        string list = world.NewFile("list.csv");
        File.WriteAllText(list, $"{Image},index:{_group.Label}\n");
        byte[] before = File.ReadAllBytes(list);
        Ran ran = Ran.Retouch(Check("--must-be-right", list, "--mistakes", list, "--overwrite"));
        Assert.Equal(2, ran.Code);
        Assert.Contains("would be lost", ran.Err, StringComparison.Ordinal);
        string criteria = Path.Combine(Path.GetDirectoryName(list)!, "criteria.json");
        File.WriteAllText(criteria, """{"mustBeRight": ["list.csv"]}""");
        ran = Ran.Retouch(Check("--criteria", criteria, "--mistakes", list, "--overwrite"));
        Assert.Equal(2, ran.Code);
        Assert.Contains("would be lost", ran.Err, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(list));
    }

    [Fact]
    public void The_page_is_one_file_that_loads_nothing_and_bounds_its_pictures()
    {
        string page = world.NewFile("report.html");
        string patch = Patch("leak=0.1", "gain=5");
        JsonElement check = Assert.Single(
            Ran.Retouch(
                Check("--patch", patch, "--report", page, "--thumbnails", "12", "--max-broken", "0", "--json")
            ).Objects
        );
        string html = File.ReadAllText(page);
        Assert.Equal(12, check.GetProperty("pictured").GetInt32());
        Assert.Equal(12, html.Split("<li class=\"card\"").Length - 1);
        JsonElement after = check.GetProperty("after");
        int wrong = after.GetProperty("images").GetInt32() - after.GetProperty("right").GetInt32();
        Assert.Contains($"{wrong - 12} others are left out", html, StringComparison.Ordinal);
        Assert.Contains("✗ Failed", html, StringComparison.Ordinal);
        Assert.DoesNotContain("http://", html.Replace("http://www.w3.org/2000/svg", ""), StringComparison.Ordinal);
        Assert.DoesNotContain("https://", html, StringComparison.Ordinal);
        Assert.DoesNotContain(" src=\"/", html, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", html, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", html, StringComparison.Ordinal);
        Assert.Contains("data-flip=\"broken\"", html, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.ChangeExtension(page, ".jsonl")));

        Ran.Retouch(Check("--patch", patch, "--report", page, "--thumbnails", "12", "--resume", "--overwrite")).Good();
        string again = File.ReadAllText(page);
        Assert.Equal(Cards(html), Cards(again));

        static string Cards(string text) => text[text.IndexOf("<ul class=\"sheet\">", StringComparison.Ordinal)..];
    }

    [Fact]
    public void A_file_that_cannot_be_decoded_is_left_out_and_breaks_a_promise()
    {
        string folder = world.Subfolder("ordinary", "4", "5");
        string bad = Path.Combine(folder, "4", "bad.png");
        File.WriteAllText(bad, "no image");
        string[] check = ["check", "--model", world.Model, "--labels", world.Labels, "--images", folder, "--json"];
        Ran ran = Ran.Retouch(check).Good();
        JsonElement found = Assert.Single(ran.Objects);
        Assert.Equal(1, found.GetProperty("undecoded").GetInt32());
        Assert.Contains("bad.png", ran.Err, StringComparison.Ordinal);
        string list = world.NewFile("list.csv");
        File.WriteAllText(list, $"{bad},4\n");
        ran = Ran.Retouch([.. check, "--must-be-right", list]);
        Assert.Equal(1, ran.Code);
        Assert.Contains("1 that cannot be decoded", ran.Out, StringComparison.Ordinal);
    }

    // What build servers' readers have in common: names and counts, properties before cases, a failure within a case.
    static XElement[] JUnit(string path, int failures)
    {
        XElement root = XDocument.Load(path).Root!;
        Assert.Equal("testsuites", root.Name);
        XElement suite = Assert.Single(root.Elements());
        Assert.Equal("testsuite", suite.Name);
        XElement[] cases = [.. suite.Elements("testcase")];
        foreach (XElement counted in (XElement[])[root, suite])
        {
            Assert.Equal(cases.Length, (int)counted.Attribute("tests")!);
            Assert.Equal(failures, (int)counted.Attribute("failures")!);
            Assert.Equal(0, (int)counted.Attribute("errors")!);
            Assert.Matches("^[0-9]+\\.[0-9]{3}$", counted.Attribute("time")!.Value);
        }
        Assert.NotEmpty(suite.Attribute("name")!.Value);
        Assert.Equal("properties", suite.Elements().First().Name);
        Assert.All(
            suite.Element("properties")!.Elements(),
            p =>
            {
                Assert.Equal("property", p.Name);
                Assert.NotNull(p.Attribute("name"));
                Assert.NotNull(p.Attribute("value"));
            }
        );
        Assert.Equal(failures, cases.Count(c => c.Element("failure") is not null));
        Assert.All(
            cases,
            c =>
            {
                Assert.NotEmpty(c.Attribute("name")!.Value);
                Assert.NotEmpty(c.Attribute("classname")!.Value);
                Assert.All(c.Elements(), e => Assert.Equal("failure", e.Name));
                Assert.All(c.Elements(), e => Assert.NotEmpty(e.Attribute("message")!.Value));
                Assert.All(c.Elements(), e => Assert.NotEmpty(e.Attribute("type")!.Value));
            }
        );
        return cases;
    }

    string Patch(params string[] settings)
    {
        string patch = world.NewFile("p.patch");
        Ran.Retouch([
                "edit",
                "--model",
                world.Model,
                "--labels",
                world.Labels,
                "--image",
                Image,
                "--label",
                $"index:{_group.Label}",
                "--out",
                patch,
                .. settings.Length > 0 ? (string[])["--set", .. settings] : [],
            ])
            .Good();
        return patch;
    }

    string[] Check(params string[] more) => [.. Of(world.Model, "natural"), .. more];

    string[] Of(string model, string set) =>
        ["check", "--model", model, "--labels", world.Labels, "--images", world.Images(set)];

    string[] Files(string set) =>
        [
            .. Directory
                .EnumerateFiles(world.Images(set), "*", SearchOption.AllDirectories)
                .Select(Path.GetFullPath)
                .Order(StringComparer.Ordinal),
        ];

    int Right(string file) =>
        Array.IndexOf(File.ReadAllLines(world.Labels), Path.GetFileName(Path.GetDirectoryName(file)!));

    // By the model's own answers, image by image.
    (string Path, int Right, int[] Top, double Probability)[] Says(string model) =>
        [
            .. Ran.Retouch(["predict", "--model", model, "--top", "5", "--json", "--quiet", .. Files("natural")])
                .Good()
                .Objects.Select(o =>
                {
                    JsonElement[] p = [.. o.GetProperty("predictions").EnumerateArray()];
                    string path = o.GetProperty("image").GetString()!;
                    return (
                        path,
                        Right(path),
                        p.Select(x => x.GetProperty("index").GetInt32()).ToArray(),
                        p[0].GetProperty("probability").GetDouble()
                    );
                }),
        ];
}
