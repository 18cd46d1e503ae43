using System.Text.Json;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Tests.Cli;

public sealed class EditTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("gradient")]
    [InlineData("random")]
    [InlineData("all")]
    [InlineData("hypernetwork")]
    public void Every_locator_corrects_the_mistake_and_says_all_of_it_as_json(string locator)
    {
        string patch = _bench.Path("p.safetensors");
        string label = _bench.WrongLabel();
        string[] keep = locator == "all" ? [] : ["--keep", "0.2"];
        string[] file =
            locator == "hypernetwork" ? ["--locator-file", _bench.WriteHypernetwork("locator.safetensors")] : [];
        Ran ran = Ran.Retouch([
                "edit",
                "--model",
                _bench.Model,
                "--labels",
                _bench.Labels,
                "--image",
                _bench.Image,
                "--label",
                label,
                "--locator",
                locator,
                "--lr",
                Workbench.Rate,
                "--locality",
                _bench.Locality,
                "--seed",
                "3",
                "--out",
                patch,
                "--json",
                "--quiet",
                .. keep,
                .. file,
            ])
            .Good();
        Assert.Equal("", ran.Err);
        JsonElement edit = Assert.Single(ran.Objects);

        Assert.Equal(_bench.Image, edit.GetProperty("image").GetString());
        Assert.Equal(int.Parse(label), edit.GetProperty("label").GetProperty("index").GetInt32());
        Assert.Equal(
            File.ReadAllLines(_bench.Labels)[int.Parse(label)],
            edit.GetProperty("label").GetProperty("name").GetString()
        );
        Assert.Equal((3, 3), (edit.GetProperty("before").GetArrayLength(), edit.GetProperty("after").GetArrayLength()));
        Assert.NotEqual(int.Parse(label), edit.GetProperty("before")[0].GetProperty("index").GetInt32());
        Assert.Equal(int.Parse(label), edit.GetProperty("after")[0].GetProperty("index").GetInt32());
        Assert.True(edit.GetProperty("success").GetBoolean());
        Assert.InRange(edit.GetProperty("steps").GetInt32(), 1, 100);
        Assert.InRange(edit.GetProperty("seconds").GetDouble(), 0, 100);
        Assert.Equal(locator == "all" ? 240 : 47, edit.GetProperty("units").GetInt32());
        Assert.Equal(24 * edit.GetProperty("units").GetInt32(), edit.GetProperty("parameters").GetInt64());
        Assert.Equal(
            1 - edit.GetProperty("changed").GetArrayLength() / 6.0,
            edit.GetProperty("localityRate").GetDouble(),
            1e-9
        );
        Assert.All(
            edit.GetProperty("changed").EnumerateArray(),
            c =>
                Assert.NotEqual(
                    c.GetProperty("before").GetProperty("index").GetInt32(),
                    c.GetProperty("after").GetProperty("index").GetInt32()
                )
        );
        Assert.Equal(patch, edit.GetProperty("patch").GetString());
        Assert.Equal(3, edit.GetProperty("seed").GetInt32());

        using Patch read = PatchFile.Load(patch);
        Assert.Equal(read.Provenance.ModelFingerprint, edit.GetProperty("model").GetString());
        Assert.Equal(read.Provenance.Measurements!.LocalityRate, edit.GetProperty("localityRate").GetDouble());
    }

    [Fact]
    public void The_same_command_twice_writes_the_same_bytes()
    {
        foreach (string locator in (string[])["gradient", "random", "all"])
        {
            string[] files = [_bench.Path($"{locator}1"), _bench.Path($"{locator}2")];
            foreach (string file in files)
            {
                Ran.Retouch(
                        "edit",
                        "--model",
                        _bench.Model,
                        "--image",
                        _bench.Image,
                        "--label",
                        _bench.WrongLabel(),
                        "--locator",
                        locator,
                        "--lr",
                        Workbench.Rate,
                        "--keep",
                        locator == "all" ? "1" : "0.3",
                        "--out",
                        file,
                        "--locality",
                        _bench.Locality
                    )
                    .Good();
            }
            Assert.Equal(File.ReadAllBytes(files[0]), File.ReadAllBytes(files[1]));
        }
    }

    [Fact]
    public void A_random_mask_is_the_one_that_a_benchmark_draws_for_the_same_settings()
    {
        string[] settings = ["--locator", "random", "--keep", "0.2", "--lr", Workbench.Rate, "--seed", "5"];
        string label = _bench.WrongLabel();
        Ran.Retouch([
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                label,
                "--out",
                _bench.Path("p"),
                .. settings,
            ])
            .Good();
        using Patch edited = PatchFile.Load(_bench.Path("p"));

        using ModelFile file = ModelFile.Load(_bench.Model);
        SplitVit split = new(file.Model);
        using PrefixState state = split.Prefix(ImageLoader.LoadBatch([_bench.Image], file.Preprocessing));
        Failure failure = new(state, int.Parse(label))
        {
            Images = [new PatchImage("image.png", ImageRoots.Hash(_bench.Image))],
        };
        Dictionary<string, IReadOnlyList<string>> given = new()
        {
            ["locator"] = ["random"],
            ["keep"] = ["0.2"],
            ["lr"] = [Workbench.Rate],
        };
        BenchSetting setting = Assert.Single(
            EditorRegistry.Settings(["masked-fine-tuning"], Sweep.Published, given, new EditorResources { Seed = 5 })
        );
        using EditResult benched = Assert.Single(setting.Editor.Edit(split, [failure]));
        UnitSelection mine = ((WeightDelta)edited.Change).Units;
        UnitSelection theirs = ((WeightDelta)benched.Patch.Change).Units;
        for (int m = 0; m < split.Space.Matrices; m++)
            Assert.Equal(theirs[m].ToArray(), mine[m].ToArray());
    }

    [Fact]
    public void Another_seed_draws_another_random_mask()
    {
        Ran.Retouch(Workbench.With(_bench.Edit(_bench.Path("1")), "--locator", "random")).Good();
        Ran.Retouch(Workbench.With(_bench.Edit(_bench.Path("2"), "--seed", "1"), "--locator", "random")).Good();
        using Patch a = PatchFile.Load(_bench.Path("1"));
        using Patch b = PatchFile.Load(_bench.Path("2"));
        Assert.InRange(a.Delta.Units.IntersectionOverUnion(b.Delta.Units), 0, 0.5);
    }

    [Fact]
    public void Several_images_are_edited_to_one_class_together()
    {
        string second = _bench.WriteImage("second.png", 2);
        string patch = _bench.Path("p");
        string label = _bench.WrongLabel();
        foreach (
            string[] images in (string[][])
                [
                    ["--image", _bench.Image, second],
                    ["--image", _bench.Image, "--image", second],
                ]
        )
        {
            JsonElement edit = Ran.Retouch([
                    "edit",
                    "--model",
                    _bench.Model,
                    "--label",
                    label,
                    "--locator",
                    "all",
                    "--lr",
                    Workbench.Rate,
                    "--out",
                    patch,
                    "--overwrite",
                    "--json",
                    .. images,
                ])
                .Good()
                .Objects[0];
            Assert.Equal(
                [_bench.Image, second],
                edit.GetProperty("images").EnumerateArray().Select(i => i.GetString())
            );
        }
        Assert.Equal(
            ["image.png", "second.png"],
            Ran.Retouch("log", "--json", patch)
                .Good()
                .Objects[0]
                .GetProperty("images")
                .EnumerateArray()
                .Select(i => i.GetProperty("name").GetString())
        );
        using Patch read = PatchFile.Load(patch);
        Assert.All(read.Provenance.Images, i => Assert.Matches("^[0-9a-f]{64}$", i.Sha256));
    }

    [Fact]
    public void Text_shows_before_after_and_what_else_changed()
    {
        string patch = _bench.Path("p");
        Ran ran = Ran.Retouch([.. _bench.Edit(patch), "--labels", _bench.Labels, "--locality", _bench.Locality]).Good();
        foreach (
            string part in (string[])
                [
                    "before",
                    "after",
                    "corrected",
                    "steps",
                    "47 units, 1128 parameters (gradient, keep 0.2, blocks ",
                    "% of 6 images keep their prediction",
                    patch,
                ]
        )
            Assert.Contains(part, ran.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_the_model_gives_already_needs_no_patch()
    {
        string right = Ran.Retouch("predict", "--model", _bench.Model, "--top", "1", "--json", _bench.Image)
            .Good()
            .Objects[0]
            .GetProperty("predictions")[0]
            .GetProperty("index")
            .GetInt32()
            .ToString();
        string patch = _bench.Path("p");
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            right,
            "--locator",
            "all",
            "--out",
            patch,
        ];

        string[] before = _bench.Contents();
        Assert.Contains(
            "Nothing to correct: the model already says",
            Ran.Retouch([.. edit, "--quiet"]).Good().Out,
            StringComparison.Ordinal
        );
        JsonElement json = Ran.Retouch([.. edit, "--json"]).Good().Objects[0];
        Assert.True(json.GetProperty("alreadyRight").GetBoolean());
        Assert.Empty(json.GetProperty("stillWrong").EnumerateArray());
        Assert.Equal(
            (JsonValueKind.Null, true, 0),
            (
                json.GetProperty("patch").ValueKind,
                json.GetProperty("success").GetBoolean(),
                json.GetProperty("steps").GetInt32()
            )
        );
        Assert.Equal(before, _bench.Contents());

        Ran.Retouch([.. edit, "--force"]).Good();
        Assert.True(File.Exists(patch));
    }

    [Fact]
    public void An_edit_that_fails_exits_with_1_and_writes_only_on_request()
    {
        string patch = _bench.Path("p");
        string[] edit = Workbench.With(_bench.Edit(patch, "--steps", "1", "--json", "--quiet"), "--lr", "1e-9");
        string[] before = _bench.Contents();
        Ran ran = Ran.Retouch(edit);
        Assert.Equal((1, ""), (ran.Code, ran.Err));
        Assert.False(ran.Objects[0].GetProperty("success").GetBoolean());
        Assert.Equal(JsonValueKind.Null, ran.Objects[0].GetProperty("patch").ValueKind);
        Assert.Equal(
            (_bench.Image, false),
            (
                Assert.Single(ran.Objects[0].GetProperty("stillWrong").EnumerateArray()).GetString(),
                ran.Objects[0].GetProperty("alreadyRight").GetBoolean()
            )
        );
        Assert.Equal(before, _bench.Contents());

        Assert.Contains(
            "NOT corrected: 1 of 1 image is still wrong",
            Ran.Retouch([.. edit.Where(a => a != "--json")]).Out,
            StringComparison.Ordinal
        );
        Assert.Equal(1, Ran.Retouch([.. edit, "--force"]).Code);
        using Patch read = PatchFile.Load(patch);
        Assert.False(read.Provenance.Measurements!.Success);
    }

    [Fact]
    public void Locality_images_that_cannot_be_decoded_are_named_and_not_counted()
    {
        _bench.Write("locality/broken.jpg", "no jpeg");
        Ran ran = Ran.Retouch(_bench.Edit(_bench.Path("p"), "--locality", _bench.Locality, "--json")).Good();
        Assert.Contains("broken.jpg", ran.Err, StringComparison.Ordinal);
        Assert.Equal(6, ran.Objects[0].GetProperty("localityImages").GetInt32());
        Assert.Equal("broken.jpg", ran.Objects[0].GetProperty("skipped")[0].GetString());
    }

    [Theory]
    [InlineData("gradient")]
    [InlineData("random")]
    [InlineData("hypernetwork")]
    public void A_mask_of_a_single_unit_is_one_for_every_locator(string locator)
    {
        string[] file =
            locator == "hypernetwork" ? ["--locator-file", _bench.WriteHypernetwork("locator.safetensors")] : [];
        // Of 240 units: one, one less than 3, and one less than 5, of which the greatest six of a gradient's are equal.
        foreach ((string keep, int units) in ((string, int)[])[("0.005", 1), ("0.0125", 2), ("0.021", 4)])
        {
            string[] edit = Workbench.With(
                Workbench.With(
                    _bench.Edit(_bench.Path($"{locator}{keep}"), [.. file, "--force", "--json"]),
                    "--locator",
                    locator
                ),
                "--keep",
                keep
            );
            Ran ran = Ran.Retouch(edit);
            Assert.NotEqual(2, ran.Code);
            Assert.Equal(units, ran.Objects[0].GetProperty("units").GetInt32());
        }
    }

    [Fact]
    public void Copies_of_the_edited_images_do_not_count_as_locality_images()
    {
        string second = _bench.WriteImage("second.png", 2);
        Directory.CreateDirectory(_bench.Path("locality/below"));
        File.Copy(_bench.Image, _bench.Path("locality/other-name.png"));
        File.Copy(second, _bench.Path("locality/below/7.png"));
        // As long, but another image: it counts.
        byte[] other = File.ReadAllBytes(_bench.Path("locality/0.png"));
        other[^1] ^= 1;
        _bench.Write("locality/8.png", other);

        string[] edit = [.. _bench.Edit(_bench.Path("p"), "--locality", _bench.Locality, "--overwrite")];
        JsonElement one = Ran.Retouch([.. edit, "--json"]).Good().Objects[0];
        Assert.Equal(["other-name.png"], Names(one));
        Assert.Equal(8, one.GetProperty("localityImages").GetInt32());
        Assert.DoesNotContain(
            "other-name.png",
            one.GetProperty("changed").EnumerateArray().Select(c => c.GetProperty("image").GetString())
        );
        string text = Ran.Retouch(edit).Good().Out;
        Assert.Contains(
            "left out, since it is an edited image by content: other-name.png",
            text,
            StringComparison.Ordinal
        );

        Ran both = Ran.Retouch([.. edit, "--image", second, "--force", "--json"]);
        Assert.Equal(["below/7.png", "other-name.png"], Names(both.Objects[0]));
        Assert.Equal(7, both.Objects[0].GetProperty("localityImages").GetInt32());

        Directory.CreateDirectory(_bench.Path("own"));
        File.Copy(_bench.Image, _bench.Path("own/copy.png"));
        _bench.Refuses(
            _bench.Edit(_bench.Path("q"), "--locality", _bench.Path("own")),
            "nothing but images that are edited"
        );

        static string?[] Names(JsonElement e) =>
            [.. e.GetProperty("leftOut").EnumerateArray().Select(f => f.GetString())];
    }

    [Fact]
    public void Folders_that_are_called_by_classes_tell_corrections_from_damage()
    {
        string label = _bench.WrongLabel();
        string name = File.ReadAllLines(_bench.Labels)[int.Parse(label)];
        string photos = _bench.Path("photos");
        string[] names = File.ReadAllLines(_bench.Labels);
        JsonElement[] said = Ran.Retouch([
                "predict",
                "--model",
                _bench.Model,
                "--top",
                "1",
                "--json",
                .. Enumerable.Range(0, 6).Select(i => _bench.Path($"locality/{i}.png")),
            ])
            .Good()
            .Objects;
        for (int i = 0; i < 6; i++)
        {
            int says = said[i].GetProperty("predictions")[0].GetProperty("index").GetInt32();
            if (names[says] == name)
                continue;
            string third = names.First(n => n != name && n != names[says]);
            foreach (string folder in (string[])[names[says], name, third, "misc"])
            {
                Directory.CreateDirectory(Path.Combine(photos, folder));
                File.Copy(
                    _bench.Path($"locality/{i}.png"),
                    Path.Combine(
                        photos,
                        folder,
                        $"{(folder == names[says] ? "was" : folder == name ? "is" : "no")}{i}.png"
                    )
                );
            }
        }
        // So coarse an edit that the model gives the label to whatever it sees.
        string[] edit = Workbench.With(
            Workbench.With(
                Workbench.With(
                    _bench.Edit(_bench.Path("p"), "--labels", _bench.Labels, "--locality", photos, "--overwrite"),
                    "--lr",
                    "0.05"
                ),
                "--locator",
                "all"
            ),
            "--keep",
            "1"
        );
        JsonElement json = Ran.Retouch([.. edit, "--json"]).Good().Objects[0];
        JsonElement[] changed = [.. json.GetProperty("changed").EnumerateArray()];
        Assert.NotEmpty(changed);
        foreach (JsonElement c in changed)
        {
            string image = c.GetProperty("image").GetString()!;
            string after = c.GetProperty("after").GetProperty("name").GetString()!;
            string? kind =
                image.StartsWith("misc/", StringComparison.Ordinal) ? null
                : image.Contains("/was", StringComparison.Ordinal) ? "damaged"
                : image.StartsWith(after + "/", StringComparison.Ordinal) ? "corrected"
                : "wrong";
            Assert.Equal(kind, c.GetProperty("kind").GetString());
        }
        Assert.Equal(
            [null, "corrected", "damaged", "wrong"],
            changed.Select(c => c.GetProperty("kind").GetString()).Distinct().Order(StringComparer.Ordinal)
        );
        string text = Ran.Retouch(edit).Good().Out;
        foreach (
            string part in (string[])[" corrected, ", " damaged, ", " wrong, by the classes that their folders name"]
        )
            Assert.Contains(part, text, StringComparison.Ordinal);

        // The flips are the same, counted, in all and by folder; images of no class do not count.
        (int Images, int Right, int Fixed, int Broken, int Otherwise) expected = Counted("");
        JsonElement flips = json.GetProperty("flips");
        Assert.Equal(expected, Said(flips));
        Assert.True(expected.Fixed > 0 && expected.Broken > 0 && expected.Otherwise > 0);
        Assert.Equal(
            (double)expected.Broken / expected.Right,
            flips.GetProperty("negativeFlipRate").GetDouble(),
            1e-12
        );
        Assert.Equal(expected.Fixed - expected.Broken, flips.GetProperty("netGain").GetInt32());
        JsonProperty[] folders = [.. flips.GetProperty("byFolder").EnumerateObject()];
        Assert.Equal(
            Directory
                .EnumerateDirectories(photos)
                .Select(d => Path.GetFileName(d))
                .Where(d => d != "misc")
                .Order(StringComparer.Ordinal),
            folders.Select(f => f.Name)
        );
        Assert.All(folders, f => Assert.Equal(Counted(f.Name + "/"), Said(f.Value)));
        JsonProperty[] classes = [.. flips.GetProperty("byClass").EnumerateObject()];
        Assert.Equal(
            folders.Select(f => $"{f.Name} ({Array.IndexOf(names, f.Name)})").Order(StringComparer.Ordinal),
            classes.Select(c => c.Name).Order(StringComparer.Ordinal)
        );
        Assert.All(classes, c => Assert.Equal(Counted(c.Name.Split(' ')[0] + "/"), Said(c.Value)));
        Assert.Contains(
            $"  flips      {expected.Fixed} fixed, {expected.Broken} broken of {expected.Right} that were right "
                + $"(negative flip rate {100.0 * expected.Broken / expected.Right:0.00} %), {expected.Otherwise} wrong "
                + $"otherwise; net gain {expected.Fixed - expected.Broken}",
            text,
            StringComparison.Ordinal
        );

        (int, int, int, int, int) Counted(string folder)
        {
            string[] files =
            [
                .. Directory
                    .EnumerateFiles(photos, "*.png", SearchOption.AllDirectories)
                    .Select(f => Path.GetRelativePath(photos, f).Replace('\\', '/'))
                    .Where(f => f.StartsWith(folder) && !f.StartsWith("misc/")),
            ];
            return (files.Length, files.Count(f => f.Contains("/was")), Of("corrected"), Of("damaged"), Of("wrong"));

            int Of(string kind) =>
                changed.Count(c =>
                    c.GetProperty("kind").GetString() == kind && files.Contains(c.GetProperty("image").GetString())
                );
        }

        static (int, int, int, int, int) Said(JsonElement e) =>
            (
                e.GetProperty("images").GetInt32(),
                e.GetProperty("rightBefore").GetInt32(),
                e.GetProperty("fixed").GetInt32(),
                e.GetProperty("broken").GetInt32(),
                e.GetProperty("otherwise").GetInt32()
            );
    }

    [Fact]
    public void Folders_that_are_called_by_other_words_or_by_some_numbers_say_nothing_of_their_images()
    {
        foreach (string folder in (string[])["photos/1", "photos/2", "photos/misc"])
        {
            Directory.CreateDirectory(_bench.Path(folder));
            File.Copy(_bench.Path("locality/0.png"), _bench.Path(folder + "/0.png"));
        }
        string[] edit = Workbench.With(
            Workbench.With(
                Workbench.With(
                    _bench.Edit(
                        _bench.Path("p"),
                        "--labels",
                        _bench.Labels,
                        "--locality",
                        _bench.Path("photos"),
                        "--json"
                    ),
                    "--lr",
                    "0.05"
                ),
                "--locator",
                "all"
            ),
            "--keep",
            "1"
        );
        JsonElement[] changed = [.. Ran.Retouch(edit).Good().Objects[0].GetProperty("changed").EnumerateArray()];
        Assert.NotEmpty(changed);
        Assert.All(changed, c => Assert.Equal(JsonValueKind.Null, c.GetProperty("kind").ValueKind));
    }

    [Fact]
    public void On_an_edited_model_locality_is_measured_against_the_base_that_is_named()
    {
        string edited = _bench.Path("edited.safetensors");
        string second = _bench.WriteImage("second.png", 2);
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", _bench.MakePatch("p1"), "--out", edited).Good();
        string label = Enumerable
            .Range(0, Workbench.Classes)
            .Select(c => c.ToString(System.Globalization.CultureInfo.InvariantCulture))
            .First(c => c != _bench.WrongLabel() && c != Says(edited, second) && c != Says(_bench.Model, second));
        string[] edit =
        [
            "edit",
            "--model",
            edited,
            "--image",
            second,
            "--label",
            label,
            "--locator",
            "all",
            "--lr",
            "0.03",
            "--locality",
            _bench.Locality,
            "--out",
            _bench.Path("p2"),
            "--overwrite",
            "--force",
        ];
        JsonElement alone = Ran.Retouch([.. edit, "--json"]).Objects[0];
        JsonElement based = Ran.Retouch([.. edit, "--base", _bench.Model, "--json"]).Objects[0];
        Assert.Equal(alone.GetProperty("model").GetString(), alone.GetProperty("localityModel").GetString());
        Assert.Equal(Fingerprint(_bench.Model), based.GetProperty("localityModel").GetString());
        Assert.NotEqual(Fingerprint(_bench.Model), based.GetProperty("model").GetString());

        Ran.Retouch("apply", "--model", edited, "--patch", _bench.Path("p2"), "--out", _bench.Path("twice.safetensors"))
            .Good();
        string[] photos = [.. Enumerable.Range(0, 6).Select(i => _bench.Path($"locality/{i}.png"))];
        foreach ((JsonElement e, string before) in ((JsonElement, string)[])[(alone, edited), (based, _bench.Model)])
        {
            double kept = photos.Average(p => Says(before, p) == Says(_bench.Path("twice.safetensors"), p) ? 1.0 : 0);
            Assert.Equal(kept, e.GetProperty("localityRate").GetDouble(), 1e-12);
        }
        Assert.Contains(
            $"keep their prediction by {_bench.Model}",
            Ran.Retouch([.. edit, "--base", _bench.Model]).Out,
            StringComparison.Ordinal
        );
        _bench.Refuses(
            [.. edit.Where(a => a != "--locality" && a != _bench.Locality), "--base", _bench.Model],
            "--base",
            "--locality"
        );

        string Says(string model, string image) =>
            Ran.Retouch("predict", "--model", model, "--top", "1", "--json", image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")[0]
                .GetProperty("index")
                .GetInt32()
                .ToString(System.Globalization.CultureInfo.InvariantCulture);

        static string Fingerprint(string path)
        {
            using Retouch.Formats.ModelFile file = Retouch.Formats.ModelFile.Load(path);
            return file.Model.Fingerprint;
        }
    }

    [Fact]
    public void Overwrite_replaces_an_older_patch()
    {
        string patch = _bench.Write("p", "old");
        Ran.Retouch(_bench.Edit(patch, "--overwrite")).Good();
        using Patch read = PatchFile.Load(patch);
        Assert.True(read.Provenance.Measurements!.Success);
    }
}
