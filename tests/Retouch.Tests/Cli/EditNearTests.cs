using System.Text.Json;
using Retouch.Benchmarks;

namespace Retouch.Tests.Cli;

/// <summary><c>edit</c> with labelled images of the same shift, on the letters world.</summary>
public sealed class EditNearTests(LettersWorld world) : IClassFixture<LettersWorld>
{
    readonly FailureGroup _group = BenchmarkFile.Load(world.Benchmark).Groups.First(g => g.Source == "natural");

    string Image => Path.Combine(world.Images("natural"), _group.Images[0].Path);

    [Fact]
    public void What_an_edit_breaks_and_fixes_nearby_is_what_the_edited_model_says_of_each_image()
    {
        string patch = world.NewFile("p");
        string[] harmful = ["--near", world.Images("natural"), "--set", "leak=0.1", "gain=5"];
        JsonElement edit = Assert.Single(Ran.Retouch(Edit(patch, [.. harmful, "--json"])).Good().Objects);
        string edited = world.NewFile("edited.safetensors");
        Ran.Retouch("apply", "--model", world.Model, "--patch", patch, "--out", edited).Good();
        (int images, int right, int repaired, int broken, int otherwise) = Counted(edited, _ => true);
        JsonElement near = edit.GetProperty("near");
        Assert.Equal((images, right, repaired, broken, otherwise), Said(near));
        Assert.True(broken > 0 && repaired > 0);
        Assert.Equal((double)broken / right, near.GetProperty("negativeFlipRate").GetDouble(), 1e-12);
        Assert.Equal(1, edit.GetProperty("nearLeftOut").GetInt32());
        JsonProperty worst = near.GetProperty("byFolder")
            .EnumerateObject()
            .MaxBy(f => f.Value.GetProperty("broken").GetInt32());
        Assert.Equal(Counted(edited, c => worst.Name == $"natural/{c}"), Said(worst.Value));
        string text = Ran.Retouch(Edit(world.NewFile("q"), harmful)).Good().Out;
        Assert.Contains(
            $"  near       {repaired} fixed, {broken} broken of {right} that were right",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains($"    {worst.Name}: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guard_of_near_images_alone_finds_the_most_general_edit_that_keeps_it()
    {
        string patch = world.NewFile("p");
        JsonElement edit = Assert.Single(
            Ran.Retouch(Edit(patch, "--near", world.Images("natural"), "--guard-near", "0.99", "--json")).Good().Objects
        );
        Assert.Equal(
            ("gate", 0.99, JsonValueKind.Null, JsonValueKind.Null),
            (
                edit.GetProperty("method").GetString(),
                edit.GetProperty("guardNear").GetDouble(),
                edit.GetProperty("guard").ValueKind,
                edit.GetProperty("localityRate").ValueKind
            )
        );
        double chosen = edit.GetProperty("guardedSetting").GetDouble();
        foreach (JsonElement p in edit.GetProperty("curve").EnumerateArray())
        {
            Assert.Equal(JsonValueKind.Null, p.GetProperty("locality").ValueKind);
            double rate = p.GetProperty("near").GetProperty("negativeFlipRate").GetDouble();
            bool keeps = rate <= 0.01;
            Assert.True(keeps == p.GetProperty("setting").GetDouble() <= chosen);
        }
        Assert.True(edit.GetProperty("curve").GetArrayLength() > 2);
        string edited = world.NewFile("edited.safetensors");
        Ran.Retouch("apply", "--model", world.Model, "--patch", patch, "--out", edited).Good();
        Assert.Equal(Counted(edited, _ => true), Said(edit.GetProperty("near")));
    }

    [Fact]
    public void Both_guards_together_are_both_kept_and_shown()
    {
        string[] both =
        [
            "--near",
            world.Images("natural"),
            "--guard-near",
            "0.98",
            "--guard",
            "0.97",
            "--locality",
            world.Images("locality"),
        ];
        JsonElement edit = Assert.Single(Ran.Retouch(Edit(world.NewFile("p"), [.. both, "--json"])).Good().Objects);
        Assert.True(edit.GetProperty("localityRate").GetDouble() >= 0.97);
        Assert.True(edit.GetProperty("near").GetProperty("negativeFlipRate").GetDouble() <= 0.02);
        Assert.All(
            edit.GetProperty("curve").EnumerateArray(),
            p =>
                Assert.True(
                    p.GetProperty("setting").GetDouble() <= edit.GetProperty("guardedSetting").GetDouble()
                        || p.GetProperty("locality").GetDouble() < 0.97
                        || p.GetProperty("near").GetProperty("negativeFlipRate").GetDouble() > 0.02
                )
        );
        string text = Ran.Retouch(Edit(world.NewFile("q"), both)).Good().Out;
        Assert.Contains(" images keep their prediction and 98 % of the ", text, StringComparison.Ordinal);
        Assert.Matches(@"% kept, \d+ of \d+ near broken \(\d+\.\d\d %\)  ← chosen", text);
    }

    [Fact]
    public void Where_no_edit_keeps_both_nothing_is_written_and_that_is_said()
    {
        string patch = world.NewFile("p");
        string[] strict = Edit(
            patch,
            "--near",
            world.Images("natural"),
            "--guard-near",
            "1",
            "--guard",
            "1",
            "--locality",
            world.Images("locality"),
            // Too short to correct anything.
            "--set",
            "step=1e-9",
            "steps=1"
        );
        Ran ran = Ran.Retouch(strict);
        Assert.Equal(1, ran.Code);
        Assert.Contains(
            "No edit leaves 100 % of these images as they are and 100 % of the right near images right "
                + "and corrects the mistake; no patch was written. Take a lower --guard or --guard-near.",
            ran.Out,
            StringComparison.Ordinal
        );
        Assert.False(File.Exists(patch));
        JsonElement none = Assert.Single(Ran.Retouch([.. strict, "--json"]).Objects);
        Assert.True(none.GetProperty("curve").GetArrayLength() > 3);
        Assert.Equal(JsonValueKind.Null, none.GetProperty("guardedSetting").ValueKind);
    }

    [Fact]
    public void Folders_of_other_names_are_read_by_a_mapping_as_for_mine()
    {
        string root = Path.GetDirectoryName(world.NewFile("x"))!;
        string near = Path.Combine(root, "shift", "fours");
        Directory.CreateDirectory(near);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(world.Images("natural"), "4")))
            File.Copy(file, Path.Combine(near, Path.GetFileName(file)));
        string[] edit = Edit(world.NewFile("p"), "--near", Path.Combine(root, "shift"), "--json");
        Assert.Contains("--accept", Ran.Retouch(edit).Err, StringComparison.Ordinal);
        string accept = Path.Combine(root, "accept.json");
        File.WriteAllText(accept, """{"fours": [4, 10]}""");
        JsonElement made = Assert.Single(Ran.Retouch([.. edit, "--accept", accept]).Good().Objects);
        JsonElement folder = made.GetProperty("near").GetProperty("byFolder").GetProperty("shift/fours");
        Assert.Equal(0, folder.GetProperty("broken").GetInt32()); // from one accepted class to the other
        File.WriteAllText(accept, """{"fours": [35]}""");
        Ran none = Ran.Retouch([.. edit, "--accept", accept, "--guard-near", "0.9", "--overwrite"]);
        Assert.Equal(2, none.Code);
        Assert.Contains("has nothing to keep", none.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_that_fits_no_folder_says_so()
    {
        string root = Path.GetDirectoryName(world.NewFile("x"))!;
        string near = Path.Combine(root, "fit", "fours");
        Directory.CreateDirectory(near);
        string from = Directory.EnumerateFiles(Path.Combine(world.Images("natural"), "4")).First();
        File.Copy(from, Path.Combine(near, "a.png"));
        string accept = Path.Combine(root, "fit.json");
        string[] edit = Edit(world.NewFile("p"), "--near", Path.Combine(root, "fit"), "--accept", accept);
        File.WriteAllText(accept, """{"fours": [], "sevens": [7]}""");
        Ran none = Ran.Retouch(edit);
        Assert.Equal(2, none.Code);
        Assert.Contains("gives no class to \"fours\"; it names \"sevens\"", none.Err, StringComparison.Ordinal);
        Assert.DoesNotContain("--accept", none.Err, StringComparison.Ordinal);
        File.WriteAllText(accept, """{"fours": [4], "sevens": [7]}""");
        Ran some = Ran.Retouch(edit).Good();
        Assert.Single(some.Err.Split("names \"sevens\", but no folder of labelled images is called so")[1..]);
    }

    [Fact]
    public void Copies_count_once_among_near_images_others_and_those_to_correct()
    {
        string root = Path.GetDirectoryName(world.NewFile("x"))!;
        string once = Path.Combine(root, "once", "4");
        string twice = Path.Combine(root, "twice", "4");
        Directory.CreateDirectory(once);
        Directory.CreateDirectory(twice);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(world.Images("natural"), "4")))
        {
            File.Copy(file, Path.Combine(once, Path.GetFileName(file)));
            File.Copy(file, Path.Combine(twice, Path.GetFileName(file)));
            File.Copy(file, Path.Combine(twice, "copy of " + Path.GetFileName(file)));
        }
        string copy = Path.Combine(root, "the same.png");
        File.Copy(Image, copy);
        JsonElement of = Made("once");
        JsonElement same = Made("twice", "--image", copy);
        foreach (string what in (string[])["near", "localityRate", "localityImages", "images"])
            Assert.Equal(
                of.GetProperty(what).GetRawText(),
                same.GetProperty(what).GetRawText().Replace("twice/", "once/", StringComparison.Ordinal)
            );
        int files = Directory.GetFiles(once).Length;
        string text = Ran.Retouch(With("twice", "--image", copy)).Good().Err;
        Assert.Contains("images to correct: 1 of 2 is a copy of another", text, StringComparison.Ordinal);
        Assert.Contains($"labelled images: {files} of {2 * files} are copies", text, StringComparison.Ordinal);
        Assert.Contains($"locality images: {files} of {2 * files} are copies", text, StringComparison.Ordinal);

        JsonElement Made(string folder, params string[] more) =>
            Assert.Single(Ran.Retouch([.. With(folder, more), "--json"]).Good().Objects);

        string[] With(string folder, params string[] more) =>
            Edit(
                world.NewFile("p"),
                [
                    "--near",
                    Path.Combine(root, folder),
                    "--locality",
                    Path.Combine(root, folder),
                    "--method",
                    "gate",
                    .. more,
                ]
            );
    }

    [Theory]
    [InlineData("--near", "--guard-near", "0.9")]
    [InlineData("--near", "--accept", "accept.json")]
    [InlineData("above 0 and at most 1", "--guard-near", "1.5")]
    public void What_makes_no_sense_is_refused(string word, params string[] more)
    {
        Ran ran = Ran.Retouch(Edit(world.NewFile("p"), more));
        Assert.Equal(2, ran.Code);
        Assert.Contains(word, ran.Err, StringComparison.Ordinal);
    }

    string[] Edit(string patch, params string[] more) =>
        [
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
            .. more,
        ];

    // By the models' own answers, image by image; the edited one does not count.
    (int Images, int Right, int Fixed, int Broken, int Otherwise) Counted(string edited, Func<string, bool> ofClass)
    {
        string[] names = File.ReadAllLines(world.Labels);
        string[] files =
        [
            .. Directory
                .EnumerateFiles(world.Images("natural"), "*", SearchOption.AllDirectories)
                .Where(f => f != Path.GetFullPath(Image) && ofClass(Folder(f))),
        ];
        int[] before = Says(world.Model);
        int[] after = Says(edited);
        int[] right = [.. files.Select(f => Array.IndexOf(names, Folder(f)))];
        (int Right, int Fixed, int Broken, int Otherwise) = (0, 0, 0, 0);
        for (int i = 0; i < files.Length; i++)
        {
            bool was = before[i] == right[i];
            bool now = after[i] == right[i];
            Right += was ? 1 : 0;
            Fixed += !was && now ? 1 : 0;
            Broken += was && !now ? 1 : 0;
            Otherwise += !was && !now && before[i] != after[i] ? 1 : 0;
        }
        return (files.Length, Right, Fixed, Broken, Otherwise);

        static string Folder(string file) => Path.GetFileName(Path.GetDirectoryName(file)!);

        int[] Says(string model) =>
            [
                .. Ran.Retouch(["predict", "--model", model, "--top", "1", "--json", "--quiet", .. files])
                    .Good()
                    .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
            ];
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
