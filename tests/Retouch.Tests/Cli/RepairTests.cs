using System.Text.Json;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using TorchSharp;

namespace Retouch.Tests.Cli;

/// <summary>The verb <c>repair</c>: on the letters, and its words and exit codes on a tiny model.</summary>
[Collection(nameof(LettersWorld))]
public sealed class RepairTests(LettersWorld letters) : IDisposable
{
    static readonly string[] s_names = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"];

    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Letters_that_have_nothing_in_common_are_each_remembered()
    {
        string patch = letters.NewFile("p.patch");
        string[] repair =
        [
            "repair",
            "--model",
            letters.Model,
            "--labels",
            letters.Labels,
            "--images",
            letters.Images("natural"),
            "--locality",
            letters.Images("locality"),
            "--holdout",
            "0.5",
            "--shared",
            "false",
            "--widen",
            "100",
            "--out",
            patch,
            "--json",
        ];
        JsonElement told = Ran.Retouch(repair).Good().Objects[0];
        int count = told.GetProperty("toCorrect").GetInt32();
        Assert.InRange(count, 60, 100);
        Assert.InRange(told.GetProperty("corrected").GetInt32(), Math.Ceiling(0.95 * count), count);
        Assert.InRange(told.GetProperty("localityRate").GetDouble(), 0.99, 1);
        JsonElement unseen = told.GetProperty("nearHeldOut");
        Assert.True(unseen.GetProperty("rightBefore").GetInt32() > 50);
        Assert.Equal(0, unseen.GetProperty("broken").GetInt32());
        Assert.Equal(0, told.GetProperty("sharedUnits").GetInt32());
        Assert.True(told.GetProperty("accuracyAfter").GetDouble() > told.GetProperty("accuracyBefore").GetDouble());

        // Right after apply, from the file that was written.
        string model = letters.NewFile("repaired.safetensors");
        Ran applied = Ran.Retouch("apply", "--model", letters.Model, "--patch", patch, "--out", model).Good();
        using ModelFile file = ModelFile.Load(model);
        int added = told.GetProperty("addedUnits").GetInt32();
        Assert.Equal((256 + added + 31) / 32 * 32, file.Model.Config.MlpWidth);
        foreach (JsonElement image in told.GetProperty("images").EnumerateArray())
        {
            int after = image.GetProperty("after").GetProperty("index").GetInt32();
            using torch.Tensor pixels = ImageLoader.LoadBatch(
                [image.GetProperty("image").GetString()!],
                file.Preprocessing
            );
            using torch.Tensor logits = file.Model.Logits(pixels);
            Assert.Equal(after, (int)logits.argmax(1).item<long>());
        }
    }

    [Fact]
    public void What_it_says_in_json()
    {
        MakeShift();
        JsonElement told = Ran.Retouch(Repair("p", "--widen", "32", "--shared", "false", "--json")).Good().Objects[0];
        Assert.Equal(
            [
                "accuracyAfter",
                "accuracyBefore",
                "addedUnits",
                "corrected",
                "guardsKept",
                "heldOut",
                "heldOutCorrected",
                "images",
                "leftOut",
                "localityImages",
                "localityRate",
                "model",
                "near",
                "nearHeldOut",
                "ownUnits",
                "patch",
                "remembered",
                "seconds",
                "sensitiveImages",
                "sensitiveRate",
                "sharedUnits",
                "success",
                "toCorrect",
                "totalSeconds",
                "trial",
                "tried",
                "warnings",
            ],
            told.EnumerateObject().Select(p => p.Name).Order()
        );
        Assert.True(told.GetProperty("success").GetBoolean());
        Assert.Equal(_bench.Path("p"), told.GetProperty("patch").GetString());
        JsonElement image = told.GetProperty("images")[0];
        Assert.Equal(
            ["after", "before", "group", "heldOut", "image", "label", "right", "why"],
            image.EnumerateObject().Select(p => p.Name).Order()
        );
        Assert.Equal(JsonValueKind.Null, told.GetProperty("trial").ValueKind);
        Assert.Equal(
            told.GetProperty("heldOut").GetInt32(),
            told.GetProperty("images").EnumerateArray().Count(i => i.GetProperty("heldOut").GetBoolean())
        );
    }

    [Fact]
    public void Units_that_are_used_up_are_said_with_a_number_that_is_enough()
    {
        MakeShift();
        Ran few = Ran.Retouch(Repair("few", "--shared", "false")).Good();
        AssertHeadings(few.Out);
        AssertHeadings(Ran.Retouch(Repair("whole", "--shared", "false", "--holdout", "0")).Good().Out);
        Assert.Contains("the hidden units are used up", few.Out, StringComparison.Ordinal);
        string line = Assert.Single(Ran.Lines(few.Out), l => l.Contains("--widen", StringComparison.Ordinal));
        string enough = line.Split("--widen ")[1].Split(' ')[0];
        foreach (string shared in (string[])["false", "true"])
        {
            Ran all = Ran.Retouch(Repair("all", "--shared", shared, "--widen", enough, "--overwrite")).Good();
            Assert.DoesNotContain("used up", all.Out, StringComparison.Ordinal);
        }
        // What one image each needs is added, and no more.
        using Patch patch = PatchFile.Load(_bench.Path("all"));
        Assert.True(patch.Change.Parameters <= int.Parse(enough) * ((2 * 24) + 1));
    }

    [Fact]
    public void A_guard_that_cannot_be_kept_ends_with_1_and_no_patch()
    {
        MakeShift();
        // Of the images themselves, a few pixels changed: what corrects one changes its twin.
        Directory.CreateDirectory(_bench.Path("twins"));
        foreach (string file in Directory.EnumerateFiles(_bench.Path("shift"), "*.png", SearchOption.AllDirectories))
        {
            using SkiaSharp.SKBitmap bitmap = SkiaSharp.SKBitmap.Decode(file);
            bitmap.SetPixel(0, 0, SkiaSharp.SKColors.Gray);
            using SkiaSharp.SKData data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
            _bench.Write(
                $"twins/{Path.GetFileName(Path.GetDirectoryName(file))}{Path.GetFileName(file)}",
                data.ToArray()
            );
        }
        string[] guarded = Workbench.With(
            Repair("p", "--widen", "32", "--guard", "1", "--holdout", "0"),
            "--locality",
            _bench.Path("twins")
        );
        Ran ran = Ran.Retouch(guarded);
        Assert.Equal(1, ran.Code);
        Assert.Contains("none was written: no repair keeps to the guards", ran.Out, StringComparison.Ordinal);
        Assert.Contains("tried for the guards", ran.Out, StringComparison.Ordinal);
        Assert.Contains("no unit is shared", ran.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(", taken", ran.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(_bench.Path("p")));
        JsonElement told = Ran.Retouch([.. guarded, "--json"]).Objects[0];
        Assert.False(told.GetProperty("success").GetBoolean() || told.GetProperty("guardsKept").GetBoolean());
        Assert.Equal(JsonValueKind.Null, told.GetProperty("patch").ValueKind);
    }

    [Fact]
    public void Nothing_to_repair_and_bad_options_are_refused_with_2()
    {
        MakeShift();
        string label = s_names[
            Ran.Retouch("predict", "--model", _bench.Model, "--json", _bench.Image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")[0]
                .GetProperty("index")
                .GetInt32()
        ];
        Directory.CreateDirectory(_bench.Path($"right/{label}"));
        File.Copy(_bench.Image, _bench.Path($"right/{label}/a.png"));
        _bench.Refuses(
            Workbench.With(Repair("p"), "--images", _bench.Path("right")),
            "There is nothing to repair: the model gives every labelled image a right class (1)."
        );
        Directory.CreateDirectory(_bench.Path("two/ant"));
        Directory.CreateDirectory(_bench.Path("two/bee"));
        File.Copy(_bench.Image, _bench.Path("two/ant/a.png"));
        File.Copy(_bench.Image, _bench.Path("two/bee/a.png"));
        _bench.Refuses(
            Workbench.With(Repair("p"), "--images", _bench.Path("two")),
            "There is nothing to repair: all labelled images were left out."
        );
        // Near images are none that could be repaired, and do not count.
        _bench.Refuses(
            Workbench.With(Repair("p", "--near", _bench.Path("shift")), "--images", _bench.Path("right")),
            "the model gives every labelled image a right class (1)."
        );
        _bench.Refuses(
            Workbench.With(Repair("p", "--near", _bench.Path("shift")), "--images", _bench.Path("two")),
            "There is nothing to repair: all labelled images were left out."
        );
        _bench.Refuses(Repair("p", "--holdout", "1"), "--holdout");
        _bench.Refuses(Repair("p", "--guard", "0"), "--guard");
        _bench.Refuses(Repair("p", "--guard-near", "2"), "--guard-near");
        _bench.Refuses(Repair("p", "--widen", "-1"), "--widen");
        _bench.Refuses(Repair("p", "--shift", "-101"), "--shift");
        _bench.Refuses(Repair("p", "--shift", "NaN"), "--shift");
        _bench.Refuses(Repair("p", "--shared", "maybe"), "--shared is maybe, but must be true or false");
        _bench.Refuses(Repair("p", "--guard-near", "0.9", "--holdout", "0"), "none are held out");
        _bench.Refuses(Workbench.With(Repair("p"), "--images", _bench.Path("nowhere")), "nowhere");
        _bench.Write("p", "mine");
        _bench.Refuses(Repair("p"), "--overwrite");
    }

    // Every line of the table has one, but those that go on with the one above.
    static void AssertHeadings(string table)
    {
        string[] rows = [.. Ran.Lines(table).Where(l => l.StartsWith("  ", StringComparison.Ordinal))];
        for (int i = 0; i < rows.Length; i++)
            if (rows[i].StartsWith("    ", StringComparison.Ordinal))
                Assert.Contains("right ones broken", rows[i - 1], StringComparison.Ordinal);
    }

    void MakeShift()
    {
        for (int c = 0; c < s_names.Length; c++)
        {
            Directory.CreateDirectory(_bench.Path($"shift/{s_names[c]}"));
            for (int i = 0; i < 3; i++)
                _bench.WriteImage($"shift/{s_names[c]}/{i}.png", 100 + (10 * c) + i);
        }
    }

    string[] Repair(string output, params string[] more) =>
        [
            "repair",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Path("shift"),
            "--locality",
            _bench.Locality,
            "--out",
            _bench.Path(output),
            .. more,
        ];
}
