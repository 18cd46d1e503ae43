using System.Text.Json;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Tests.Cli;

/// <summary>
/// <c>edit</c> where nobody names a method: which it is by, and what that learns from the user's images.
/// </summary>
public sealed class EditChoiceTests : IDisposable
{
    const int Many = 110;

    readonly Workbench _bench = new();
    readonly string _label;

    public EditChoiceTests() => _label = _bench.WrongLabel();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void With_images_at_hand_it_is_by_gate_which_learns_from_half_of_them_what_prepare_would()
    {
        string photos = Photos(Many, 1000);
        string patch = _bench.Path("p");
        Ran ran = Ran.Retouch([.. Bare(patch), "--locality", photos, "--json"]).Good();
        JsonElement edit = Assert.Single(ran.Objects);
        Assert.Contains("method: gate, the best that this model allows\n", ran.Err, StringComparison.Ordinal);
        Assert.Equal(
            ("gate", "the best that this model allows"),
            (edit.GetProperty("method").GetString(), edit.GetProperty("chosen").GetString())
        );
        JsonElement statistics = edit.GetProperty("statistics");
        LocalityHalves halves = LocalityHalves.Of(ImageFolder.Open(photos));
        int learned = halves.Learned.Paths.Count;
        Assert.Equal(
            ("gate", learned, Many, halves.Learned.Hash(), true, false),
            (
                statistics.GetProperty("kind").GetString(),
                statistics.GetProperty("images").GetInt32(),
                statistics.GetProperty("of").GetInt32(),
                statistics.GetProperty("source").GetString(),
                statistics.GetProperty("apart").GetBoolean(),
                statistics.GetProperty("kept").GetBoolean()
            )
        );
        Assert.Equal(Many - learned, edit.GetProperty("localityImages").GetInt32());

        // The same by hand: what was learned, what was measured, and the patch.
        string half = Copy("half", halves.Learned.Paths);
        string rest = Copy("rest", halves.Measured.Files.Select(halves.Measured.FullPath));
        string memory = Prepare("gate", half);
        string byHand = _bench.Path("by-hand");
        JsonElement same = Ran.Retouch([
                .. Bare(byHand),
                "--method",
                "gate",
                "--prepared",
                memory,
                "--locality",
                rest,
                "--json",
            ])
            .Good()
            .Objects[0];
        Assert.False(same.TryGetProperty("chosen", out _) || same.TryGetProperty("statistics", out _));
        Assert.Equal(same.GetProperty("localityRate").GetDouble(), edit.GetProperty("localityRate").GetDouble());
        Assert.Equal(same.GetProperty("after").GetRawText(), edit.GetProperty("after").GetRawText());
        using Patch a = PatchFile.Load(patch);
        using Patch b = PatchFile.Load(byHand);
        Assert.Equal(PatchFile.Digest(b), PatchFile.Digest(a));
        Assert.Equal((null, null), (b.Provenance.Chosen, b.Provenance.Statistics));
        Assert.Equal("the best that this model allows", a.Provenance.Chosen);
        Assert.Equal(
            $"gate from {learned} of {Many} locality images, the others measured, SHA-256 {halves.Learned.Hash()}",
            a.Provenance.Statistics
        );
        string log = Ran.Retouch("log", patch).Good().Out;
        Assert.Contains("  chosen         the best that", log, StringComparison.Ordinal);
        Assert.Contains($"  statistics     gate from {learned} of", log, StringComparison.Ordinal);

        // Again: nothing is learned anew, and the patch is the same to the byte.
        Ran again = Ran.Retouch([.. Bare(_bench.Path("again")), "--locality", photos]).Good();
        Assert.Contains(
            $"  statistics of {learned} of the {Many} locality images, kept since an earlier edit; locality is "
                + "measured on others",
            again.Out,
            StringComparison.Ordinal
        );
        Assert.Equal(File.ReadAllBytes(patch), File.ReadAllBytes(_bench.Path("again")));
    }

    [Fact]
    public void Of_few_images_all_are_learned_from_and_measured_and_that_is_said()
    {
        Ran ran = Ran.Retouch([.. Bare(_bench.Path("p")), "--locality", Photos(6, 3000)]).Good();
        Assert.Contains(
            "  statistics of the 6 locality images, learned just now; locality is measured on the same, which flatters "
                + "it (from 100 images on, half of them are kept for it)",
            ran.Out,
            StringComparison.Ordinal
        );
        Assert.Contains("% of 6 images keep their prediction", ran.Out, StringComparison.Ordinal);
        using Patch patch = PatchFile.Load(_bench.Path("p"));
        Assert.StartsWith(
            "gate from 6 of 6 locality images, all measured, ",
            patch.Provenance.Statistics,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_edited_image_among_them_is_not_learned_from()
    {
        File.Copy(_bench.Image, _bench.Path("locality/copy.png"));
        JsonElement edit = Ran.Retouch([.. Bare(_bench.Path("p")), "--locality", _bench.Locality, "--json"])
            .Good()
            .Objects[0];
        Assert.Equal(
            (6, 6),
            (
                edit.GetProperty("statistics").GetProperty("images").GetInt32(),
                edit.GetProperty("localityImages").GetInt32()
            )
        );
    }

    [Fact]
    public void Without_images_it_is_the_published_edit_and_the_line_says_what_would_make_it_better()
    {
        Ran ran = Ran.Retouch([.. Bare(_bench.Path("p")), "--force", "--json"]);
        Assert.Contains(
            "method: masked-fine-tuning with locator gradient, not gate, kfac: neither statistics for this model nor "
                + "ordinary images to make them from; name their folder with --locality\n",
            ran.Err,
            StringComparison.Ordinal
        );
        JsonElement edit = Assert.Single(ran.Objects);
        Assert.Equal(
            ("masked-fine-tuning", "gradient", 0.05),
            (
                edit.GetProperty("method").GetString(),
                edit.GetProperty("locator").GetString(),
                edit.GetProperty("keep").GetDouble()
            )
        );
        // Named, it is what it was.
        _bench.Refuses([.. Bare(_bench.Path("q")), "--method", "masked-fine-tuning"], "--locator-file");
    }

    [Theory]
    [InlineData("masked-fine-tuning", "whose settings were given (locator)", "--locator", "gradient")]
    [InlineData("masked-fine-tuning", "whose settings were given (keep)", "--keep", "0.2")]
    [InlineData("masked-fine-tuning", "whose settings were given (lr, steps)", "--lr", "0.01", "--steps", "40")]
    [InlineData("gate", "not masked-fine-tuning: no setting leak", "--set", "leak=0.1")]
    [InlineData("kfac", "not masked-fine-tuning, gate: no setting damping", "--set", "damping=1")]
    [InlineData("kfac", "not masked-fine-tuning, gate: no setting stopMargin", "--set", "stopMargin=2", "keep=0.2")]
    [InlineData("kfac", "not gate: it edits block 3 alone", "--blocks", "1-2")]
    [InlineData("gate", "the best that this model allows", "--blocks", "3")]
    public void What_is_said_of_the_edit_decides_with(string method, string why, params string[] more)
    {
        JsonElement edit = Assert.Single(
            Ran.Retouch([
                .. Bare(_bench.Path("p")),
                "--locality",
                _bench.Locality,
                "--force",
                "--json",
                .. more,
            ]).Objects
        );
        Assert.Equal(method, edit.GetProperty("method").GetString());
        Assert.StartsWith(why, edit.GetProperty("chosen").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_of_no_one_method_are_refused_with_the_reasons()
    {
        string[] bare = [.. Bare(_bench.Path("p")), "--locality", _bench.Locality];
        _bench.Refuses([.. bare, "--set", "leak=0.1", "damping=1"], "leak is one of gate", "damping is one of kfac");
        _bench.Refuses([.. bare, "--lr", "0.1", "--set", "damping=1"], "lr is one of", "damping is one of kfac");
        _bench.Refuses([.. bare, "--locator", "gradient", "--set", "leak=0.1"], "locator is one of", "leak is one of");
        _bench.Refuses([.. bare, "--set", "leek=1"], "No method has a setting leek");
        _bench.Refuses([.. bare, "--set", "radius=0.8"], "radius is a setting of grace", "--method grace");
        // What only statistics that nobody can make would allow.
        _bench.Refuses(
            [.. Bare(_bench.Path("p")), "--set", "damping=1"],
            "not kfac: neither statistics",
            "--locality",
            "--method"
        );
        _bench.Refuses([.. bare, "--set", "leak=2"], "leak", "below 1");
    }

    [Fact]
    public void A_locator_that_was_trained_means_the_edit_that_takes_it()
    {
        JsonElement edit = Assert.Single(
            Ran.Retouch([
                .. Bare(_bench.Path("p")),
                "--locality",
                _bench.Locality,
                "--locator-file",
                _bench.WriteHypernetwork("locator.safetensors"),
                "--force",
                "--json",
            ]).Objects
        );
        Assert.Equal(
            ("masked-fine-tuning", "hypernetwork"),
            (edit.GetProperty("method").GetString(), edit.GetProperty("locator").GetString())
        );
    }

    [Fact]
    public void A_preparation_that_is_given_means_its_method_and_is_not_made_again()
    {
        string inputs = Prepare("kfac", _bench.Locality);
        JsonElement edit = Assert.Single(
            Ran.Retouch([.. Bare(_bench.Path("p")), "--prepared", inputs, "--locality", _bench.Locality, "--json"])
                .Good()
                .Objects
        );
        Assert.Equal("kfac", edit.GetProperty("method").GetString());
        Assert.False(edit.TryGetProperty("statistics", out _));
        // One of another kind is named with what the method takes.
        Ran other = Ran.Retouch([
                .. Bare(_bench.Path("other")),
                "--prepared",
                inputs,
                "--method",
                "gate",
                "--locality",
                _bench.Locality,
            ])
            .Good();
        Assert.Contains(
            $"{inputs} is not used: it is the preparation 'inputs', and what gate takes here is 'gate'",
            other.Err,
            StringComparison.Ordinal
        );
        Ran repair = Ran.Retouch(
            "repair",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Write("one.csv", $"{_bench.Image},ant\n"),
            "--prepared",
            inputs,
            "--locality",
            _bench.Locality,
            "--out",
            _bench.Path("repaired")
        );
        Assert.Contains(
            $"{inputs} is not used: it is the preparation 'inputs', and what repair takes here is 'gate'",
            repair.Err,
            StringComparison.Ordinal
        );
        // One that was made for other blocks is a mistake, and not replaced without a word.
        _bench.Refuses(
            [.. Bare(_bench.Path("q")), "--prepared", inputs, "--locality", _bench.Locality, "--blocks", "0-1"],
            "made for",
            "--blocks 0-1"
        );
    }

    [Fact]
    public void A_model_that_averages_its_patches_is_edited_by_gate()
    {
        VitConfig config = TinyVit.Variants["average with [CLS]"];
        string path = _bench.Path("average.safetensors");
        using (TorchSharp.torch.NewDisposeScope())
        using (VitModel model = TinyVit.Of(config))
            SafeTensorsWriter.Write(
                path,
                model.Tensors.Select(t => (t.Key, t.Value)),
                new Dictionary<string, string> { ["num_heads"] = "3" },
                overwrite: false
            );
        Ran ran = Ran.Retouch([
            .. Workbench.With(Bare(_bench.Path("p")), "--model", path),
            "--pooling",
            "avg",
            "--locality",
            _bench.Locality,
            "--force",
            "--json",
        ]);
        Assert.Contains("method: gate, the best that this model allows\n", ran.Err, StringComparison.Ordinal);
        Assert.Equal("gate", ran.Objects[0].GetProperty("statistics").GetProperty("kind").GetString());
    }

    [Fact]
    public void Of_a_model_that_was_edited_before_no_unit_is_rewritten_unasked()
    {
        string edited = _bench.Path("edited.safetensors");
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", _bench.MakePatch("first"), "--out", edited).Good();
        Ran ran = Ran.Retouch([
            .. Workbench.With(Bare(_bench.Path("p")), "--model", edited),
            "--locality",
            _bench.Locality,
            "--base",
            _bench.Model,
            "--force",
            "--json",
        ]);
        Assert.Contains(
            "method: kfac, not gate: it might rewrite the unit of an earlier edit\n",
            ran.Err,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("rome", "keys")]
    [InlineData("t-patcher", "memory")]
    [InlineData("kfac", "inputs")]
    public void Methods_that_are_named_learn_on_the_way_too(string method, string kind)
    {
        JsonElement edit = Assert.Single(
            Ran.Retouch([
                .. Bare(_bench.Path("p")),
                "--method",
                method,
                "--locality",
                _bench.Locality,
                "--force",
                "--json",
            ]).Objects
        );
        Assert.Equal(kind, edit.GetProperty("statistics").GetProperty("kind").GetString());
        Assert.Equal(6, edit.GetProperty("statistics").GetProperty("images").GetInt32());
    }

    [Theory]
    [InlineData("mend")]
    [InlineData("ke")]
    public void What_has_to_be_trained_is_not_learned_on_the_way(string method) =>
        _bench.Refuses(
            [.. Bare(_bench.Path("p")), "--method", method, "--locality", _bench.Locality],
            $"'{method}'",
            "retouch prepare"
        );

    [Fact]
    public void A_guard_is_kept_by_gate_on_images_that_it_did_not_learn_from()
    {
        string photos = Photos(Many, 2000);
        string[] edit = [.. Bare(_bench.Path("p")), "--locality", photos, "--guard", "0.01", "--overwrite"];
        JsonElement found = Assert.Single(Ran.Retouch([.. edit, "--json"]).Good().Objects);
        int learned = found.GetProperty("statistics").GetProperty("images").GetInt32();
        Assert.Equal(
            ("gate", 5.0, Many - learned),
            (
                found.GetProperty("method").GetString(),
                found.GetProperty("guardedSetting").GetDouble(),
                found.GetProperty("localityImages").GetInt32()
            )
        );
        Assert.Contains(
            $"  guard      1 % of {Many - learned} images keep",
            Ran.Retouch(edit).Good().Out,
            StringComparison.Ordinal
        );
        // With a locator it is by the method that has one and a way.
        JsonElement located = Assert.Single(Ran.Retouch([.. edit, "--locator", "gradient", "--json"]).Good().Objects);
        Assert.Equal(
            ("kfac", "gradient"),
            (located.GetProperty("method").GetString(), located.GetProperty("locator").GetString())
        );
    }

    [Fact]
    public void What_is_right_already_needs_nothing_learned()
    {
        string right = Ran.Retouch("predict", "--model", _bench.Model, "--top", "1", "--json", _bench.Image)
            .Good()
            .Objects[0]
            .GetProperty("predictions")[0]
            .GetProperty("index")
            .GetRawText();
        JsonElement edit = Assert.Single(
            Ran.Retouch([
                    .. Workbench.With(Bare(_bench.Path("p")), "--label", right),
                    "--locality",
                    _bench.Locality,
                    "--json",
                ])
                .Good()
                .Objects
        );
        Assert.True(edit.GetProperty("alreadyRight").GetBoolean());
        Assert.False(edit.TryGetProperty("statistics", out _));
    }

    string[] Bare(string output) =>
        ["edit", "--model", _bench.Model, "--image", _bench.Image, "--label", _label, "--out", output];

    // Of other seeds than another test's, whose statistics are kept.
    string Photos(int count, int seed)
    {
        Directory.CreateDirectory(_bench.Path("photos"));
        for (int i = 0; i < count; i++)
            _bench.WriteImage($"photos/{i:000}.png", seed + i);
        return _bench.Path("photos");
    }

    string Copy(string name, IEnumerable<string> files)
    {
        Directory.CreateDirectory(_bench.Path(name));
        foreach (string file in files)
            File.Copy(file, Path.Combine(_bench.Path(name), Path.GetFileName(file)));
        return _bench.Path(name);
    }

    string Prepare(string method, string images)
    {
        string file = _bench.Path($"{method}.prep");
        Ran.Retouch("prepare", "--model", _bench.Model, "--images", images, "--method", method, "--out", file).Good();
        return file;
    }
}
