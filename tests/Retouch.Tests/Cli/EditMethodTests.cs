using System.Text.Json;
using Retouch.Patches;

namespace Retouch.Tests.Cli;

/// <summary><c>edit</c> by other methods than the published one, and guarded.</summary>
public sealed class EditMethodTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly string _inputs;
    readonly string _label;

    public EditMethodTests()
    {
        _inputs = Prepare("kfac", "inputs.prep");
        _label = _bench.WrongLabel();
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Kfac_corrects_the_mistake_and_its_patch_makes_the_edited_model()
    {
        string patch = _bench.Path("p");
        string edited = _bench.Path("edited.safetensors");
        JsonElement edit = Assert.Single(
            Ran.Retouch(Kfac(patch, "--set", "damping=0.3", "stopLoss=0.5", "--locality", _bench.Locality, "--json"))
                .Good()
                .Objects
        );
        Assert.Equal(
            ("kfac", "0.3", "0.5", "fisher"),
            (
                edit.GetProperty("method").GetString(),
                Setting(edit, "damping"),
                Setting(edit, "stopLoss"),
                edit.GetProperty("locator").GetString()
            )
        );
        Assert.Equal(
            (0.05, JsonValueKind.Null, 11),
            (
                edit.GetProperty("keep").GetDouble(),
                edit.GetProperty("learningRate").ValueKind,
                edit.GetProperty("units").GetInt32()
            )
        );
        Assert.True(edit.GetProperty("success").GetBoolean());
        using (Patch read = PatchFile.Load(patch))
            Assert.Equal(("kfac", "0.3"), (read.Provenance.Method, read.Provenance.Settings["damping"]));
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", edited).Good();
        Assert.Equal(
            _label,
            Ran.Retouch("predict", "--model", edited, "--top", "1", "--json", _bench.Image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")[0]
                .GetProperty("index")
                .GetInt32()
                .ToString()
        );
        string text = Ran.Retouch(Kfac(_bench.Path("q"))).Good().Out;
        Assert.Contains("kfac: damping 0.1, ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mask_touches_its_units_alone_and_the_same_command_writes_the_same_bytes()
    {
        foreach (string locator in (string[])["gradient", "random"])
        {
            foreach (string name in (string[])["1", "2"])
                Assert.Equal(
                    47,
                    Ran.Retouch(Kfac(_bench.Path(locator + name), "--locator", locator, "--keep", "0.2", "--json"))
                        .Good()
                        .Objects[0]
                        .GetProperty("units")
                        .GetInt32()
                );
            Assert.Equal(File.ReadAllBytes(_bench.Path(locator + "1")), File.ReadAllBytes(_bench.Path(locator + "2")));
        }
    }

    [Fact]
    public void Methods_that_change_whole_tensors_edit_too()
    {
        string patch = _bench.Path("p");
        JsonElement edit = Ran.Retouch(
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                _label,
                "--method",
                "lora",
                "--lr",
                "0.03",
                "--out",
                patch,
                "--json"
            )
            .Good()
            .Objects[0];
        Assert.Equal((0, 0.03), (edit.GetProperty("units").GetInt32(), edit.GetProperty("learningRate").GetDouble()));
        Assert.True(edit.GetProperty("parameters").GetInt64() > 0);
        Assert.Contains(
            "lora: lr 0.03",
            Ran.Retouch(
                    "edit",
                    "--model",
                    _bench.Model,
                    "--image",
                    _bench.Image,
                    "--label",
                    _label,
                    "--method",
                    "lora",
                    "--lr",
                    "0.03",
                    "--out",
                    _bench.Path("q")
                )
                .Good()
                .Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_guarded_edit_keeps_to_its_bound_and_shows_what_was_tried()
    {
        string patch = _bench.Path("p");
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--prepared",
            _inputs,
            "--locality",
            _bench.Locality,
            "--out",
            patch,
            "--overwrite",
        ];
        JsonElement loose = Ran.Retouch([.. edit, "--guard", "0.01", "--set", "stopLoss=0.7", "--json"]).Good().Objects[
            0
        ];
        JsonElement first = Assert.Single(loose.GetProperty("curve").EnumerateArray());
        Assert.Equal(
            (160.0, 160.0, "1", "16"),
            (
                loose.GetProperty("guardedSetting").GetDouble(),
                first.GetProperty("setting").GetDouble(),
                Setting(loose, "damping"),
                Setting(loose, "stopMargin")
            )
        );
        Assert.Equal(
            (0.01, loose.GetProperty("localityRate").GetDouble()),
            (loose.GetProperty("guard").GetDouble(), first.GetProperty("locality").GetDouble())
        );
        using (Patch read = PatchFile.Load(patch))
            Assert.Equal(
                ("16", loose.GetProperty("localityRate").GetDouble()),
                (read.Provenance.Settings["stopMargin"], read.Provenance.Measurements!.LocalityRate)
            );
        Assert.Contains(
            "← chosen",
            Ran.Retouch([.. edit, "--guard", "0.01", "--set", "stopLoss=0.7"]).Good().Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_gate_corrects_the_mistake_is_applied_and_can_be_guarded()
    {
        string memory = Prepare("gate", "gate.prep");
        string patch = _bench.Path("p");
        string edited = _bench.Path("edited.safetensors");
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--method",
            "gate",
            "--prepared",
            memory,
            "--locality",
            _bench.Locality,
            "--out",
            patch,
            "--overwrite",
            "--json",
        ];
        JsonElement one = Assert.Single(Ran.Retouch([.. edit, "--set", "gain=2"]).Good().Objects);
        Assert.Equal(
            ("gate", "2", "0.03", 0),
            (
                one.GetProperty("method").GetString(),
                Setting(one, "gain"),
                Setting(one, "leak"),
                one.GetProperty("units").GetInt32()
            )
        );
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", edited).Good();
        Assert.Equal(new FileInfo(_bench.Model).Length, new FileInfo(edited).Length, 1024.0);
        Assert.Equal(
            _label,
            Ran.Retouch("predict", "--model", edited, "--top", "1", "--json", _bench.Image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")[0]
                .GetProperty("index")
                .GetInt32()
                .ToString()
        );

        JsonElement guarded = Assert.Single(Ran.Retouch([.. edit, "--guard", "0.01"]).Good().Objects);
        Assert.Equal(
            (5.0, "5", "0.1"),
            (guarded.GetProperty("guardedSetting").GetDouble(), Setting(guarded, "gain"), Setting(guarded, "leak"))
        );
        _bench.Refuses([.. edit, "--guard", "0.9", "--set", "leak=0.1"], "--guard", "leak");
        _bench.Refuses([.. edit, "--set", "gain=0.5"], "gain", "at least 1");
        _bench.Refuses(
            [
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                _label,
                "--method",
                "gate",
                "--out",
                _bench.Path("q"),
            ],
            "'gate'",
            "retouch prepare"
        );
    }

    [Fact]
    public void A_bound_that_no_edit_keeps_to_ends_with_1_the_curve_and_no_patch()
    {
        string patch = _bench.Path("p");
        // Steps too short to correct anything: every edit of the search fails.
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--prepared",
            _inputs,
            "--locality",
            _bench.Locality,
            "--out",
            patch,
            "--guard",
            "0.9",
            "--set",
            "step=1e-9",
            "steps=1",
        ];
        Ran text = Ran.Retouch([.. edit]);
        Assert.Equal(1, text.Code);
        Assert.Contains("No edit leaves 90 % of these images", text.Out, StringComparison.Ordinal);
        Assert.Contains("not corrected", text.Out, StringComparison.Ordinal);
        Ran json = Ran.Retouch([.. edit, "--json"]);
        JsonElement none = Assert.Single(json.Objects);
        Assert.Equal(
            (1, false, JsonValueKind.Null, JsonValueKind.Null),
            (
                json.Code,
                none.GetProperty("success").GetBoolean(),
                none.GetProperty("patch").ValueKind,
                none.GetProperty("guardedSetting").ValueKind
            )
        );
        Assert.True(none.GetProperty("curve").GetArrayLength() > 3);
        Assert.False(File.Exists(patch));
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        string patch = _bench.Path("p");
        string[] bare = ["edit", "--model", _bench.Model, "--image", _bench.Image, "--label", _label, "--out", patch];
        _bench.Refuses([.. bare, "--guard", "0.9"], "--guard", "--locality");
        _bench.Refuses([.. bare, "--guard", "1.5"], "--guard", "1.5");
        _bench.Refuses(
            [.. bare, "--method", "rome", "--guard", "0.9", "--locality", _bench.Locality],
            "--guard",
            "kfac",
            "rome"
        );
        _bench.Refuses([.. bare, "--method", "romeo"], "no method romeo");
        _bench.Refuses([.. bare, "--method", "kfac"], "'inputs'", "retouch prepare");
        _bench.Refuses(Kfac(patch, "--lr", "0.1"), "lr", "kfac", "damping");
        _bench.Refuses(Kfac(patch, "--set", "damping"), "--set", "damping");
        _bench.Refuses(Kfac(patch, "--set", "damping=-1"), "damping", "above 0");
        _bench.Refuses(Kfac(patch, "--set", "damping=1", "damping=2"), "damping", "twice");
        _bench.Refuses(Kfac(patch, "--set", "tokens=some"), "tokens", "cls or all");
        _bench.Refuses(
            [.. bare, "--method", "masked-fine-tuning", "--set", "damping=1"],
            "--set",
            "masked-fine-tuning"
        );
        _bench.Refuses(
            [.. bare, "--prepared", _inputs, "--locality", _bench.Locality, "--guard", "0.9", "--set", "damping=1"],
            "--guard",
            "damping"
        );
        _bench.Refuses(
            [.. bare, "--prepared", _inputs, "--locality", _bench.Locality, "--guard", "0.9", "--set", "stopMargin=1"],
            "--guard",
            "stopMargin"
        );
        _bench.Refuses([.. bare, "--locator", "fisher"], "fisher", "--prepared");
    }

    [Theory]
    [InlineData("kfac", "inputs")]
    [InlineData("gate", "gate")]
    [InlineData("rome", "keys")]
    [InlineData("kn", "neurons")]
    [InlineData("t-patcher", "memory")]
    [InlineData("refinevit", "tokens")]
    [InlineData("mend", "mend")]
    [InlineData("x-edit", "class-keys")]
    public void What_a_method_lacks_is_named_with_the_command_that_makes_it(string method, string kind)
    {
        string model = _bench.Path("my model.safetensors");
        File.Copy(_bench.Model, model);
        string[] edit =
        [
            "edit",
            "--model",
            model,
            "--heads",
            "3",
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--method",
            method,
            "--out",
            _bench.Path("p"),
        ];
        _bench.Refuses(
            edit,
            $"The method {method} needs the preparation '{kind}'",
            $"retouch prepare --model \"{model}\" --heads 3 --images FOLDER --method {method} --out "
                + $"{method}.safetensors",
            $"--prepared {method}.safetensors"
        );
        _bench.Refuses([.. edit, "--blocks", "2-3"], $"--method {method} --blocks 2-3 --out");
        // What it would learn by itself asks for the images first.
        bool trains = Retouch.Editing.Methods.Find(method).NewPreparation!().Trains;
        Assert.Equal(
            !trains,
            Ran.Retouch(edit).Err.Contains("name their folder with --locality", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("--method", "kfac")]
    [InlineData("--method", "kfac", "--blocks", "1-2")]
    public void The_command_that_a_message_names_makes_what_is_needed(params string[] more)
    {
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--out",
            _bench.Path("p"),
            .. more,
        ];
        Ran missing = Ran.Retouch(edit);
        Assert.Equal(2, missing.Code);
        string[] command = System
            .Text.RegularExpressions.Regex.Match(missing.Err, "retouch (prepare [^,]+),")
            .Groups[1]
            .Value.Split(' ');
        Assert.Equal("kfac.safetensors", command[^1]);
        command = Workbench.With(
            Workbench.With(command, "--images", _bench.Locality),
            "--out",
            _bench.Path("made.safetensors")
        );
        Ran.Retouch(command).Good();
        Ran.Retouch([.. edit, "--prepared", _bench.Path("made.safetensors")]).Good();
    }

    [Fact]
    public void Other_blocks_settings_and_locators_name_their_commands_too()
    {
        _bench.Refuses(
            Kfac(_bench.Path("p"), "--blocks", "0-1"),
            "made for",
            "--method kfac --blocks 0-1 --out kfac.safetensors",
            "--prepared kfac.safetensors"
        );
        _bench.Refuses(
            Kfac(_bench.Path("p"), "--set", "outputDamping=1"),
            "outputDamping",
            "--method outputs --out outputs.safetensors"
        );
        _bench.Refuses(
            [
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                _label,
                "--method",
                "masked-fine-tuning",
                "--out",
                _bench.Path("p"),
            ],
            $"retouch train-locator --model {_bench.Model} --images FOLDER --out locator.safetensors",
            "--locator-file locator.safetensors"
        );
        // A preparation's own name is one that 'prepare' takes, for messages that know no method.
        Ran.Retouch(
                "prepare",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--method",
                "inputs",
                "--out",
                _bench.Path("own.prep")
            )
            .Good();
        Assert.Equal(File.ReadAllBytes(_inputs), File.ReadAllBytes(_bench.Path("own.prep")));
    }

    [Fact]
    public void A_guarded_edit_leaves_out_copies_of_the_edited_image_and_says_against_which_model_it_measures()
    {
        File.Copy(_bench.Image, _bench.Path("locality/copy.png"));
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--prepared",
            _inputs,
            "--locality",
            _bench.Locality,
            "--out",
            _bench.Path("p"),
            "--overwrite",
            "--guard",
            "0.01",
            "--set",
            "stopLoss=0.7",
        ];
        JsonElement e = Ran.Retouch([.. edit, "--json"]).Good().Objects[0];
        Assert.Equal(
            (6, "copy.png", e.GetProperty("model").GetString()),
            (
                e.GetProperty("localityImages").GetInt32(),
                Assert.Single(e.GetProperty("leftOut").EnumerateArray()).GetString(),
                e.GetProperty("localityModel").GetString()
            )
        );
        Ran text = Ran.Retouch(edit).Good();
        Assert.Contains(
            $"1 % of 6 images keep their prediction by {_bench.Model} (--base names the unedited model",
            text.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "method: kfac, not masked-fine-tuning: no way from general edits to local ones; not gate: another "
                + "preparation was given",
            text.Err,
            StringComparison.Ordinal
        );

        // On the edited model the guard is against the base that is named.
        string edited = _bench.Path("edited.safetensors");
        string inputs = _bench.Path("edited.prep");
        string image = _bench.WriteImage("next.png", 5);
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", _bench.Path("p"), "--out", edited).Good();
        Ran.Retouch("prepare", "--model", edited, "--images", _bench.Locality, "--method", "kfac", "--out", inputs)
            .Good();
        string[] chained = Workbench.With(
            Workbench.With(Workbench.With(edit, "--model", edited), "--image", image),
            "--prepared",
            inputs
        );
        Ran next = Ran.Retouch([.. chained, "--base", _bench.Model, "--force", "--json"]);
        Assert.Equal(e.GetProperty("model").GetString(), next.Objects[0].GetProperty("localityModel").GetString());
        Assert.NotEqual(e.GetProperty("model").GetString(), next.Objects[0].GetProperty("model").GetString());
        string twice = _bench.Path("twice.safetensors");
        Ran.Retouch("apply", "--model", edited, "--patch", _bench.Path("p"), "--out", twice).Good();
        string[] photos = [.. Directory.EnumerateFiles(_bench.Locality)];
        double kept = Says(_bench.Model).Zip(Says(twice), (a, b) => a == b ? 1.0 : 0).Average();
        Assert.Equal(7, next.Objects[0].GetProperty("localityImages").GetInt32());
        Assert.Equal(kept, next.Objects[0].GetProperty("localityRate").GetDouble(), 1e-12);

        IEnumerable<int> Says(string model) =>
            Ran.Retouch(["predict", "--model", model, "--top", "1", "--json", .. photos])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32());
    }

    [Theory]
    [InlineData("gate")]
    [InlineData("grace")]
    [InlineData("head-alone")]
    public void Whatever_blocks_are_named_it_says_those_that_it_changed(string method)
    {
        string patch = _bench.Path("p");
        string[] edit = ["edit", "--model", _bench.Model, "--image", _bench.Image, "--label", _label, "--json"];
        string blocks = Ran.Retouch([
                .. edit,
                "--method",
                method,
                "--blocks",
                "0-1",
                "--locality",
                _bench.Locality,
                "--out",
                patch,
            ])
            .Objects[0]
            .GetProperty("blocks")
            .GetString()!;
        using Patch made = PatchFile.Load(patch);
        Assert.All(
            made.Change.Names,
            n => Assert.StartsWith(blocks == "head" ? "head." : $"blocks.{blocks}.", n, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_gate_says_at_once_what_it_may_cost_where_a_class_has_many_ordinary_images()
    {
        string memory = Prepare("gate", "gate.prep");
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--method",
            "gate",
            "--prepared",
            memory,
            "--out",
            _bench.Path("p"),
            "--overwrite",
        ];
        string told = Ran.Retouch([.. edit, "--set", "leak=0.9"]).Err;
        Assert.Contains(
            "warning: of the 6 ordinary images that gate was prepared with, ",
            told,
            StringComparison.Ordinal
        );
        Assert.Contains("open the gate", told, StringComparison.Ordinal);
        // Where none may open it, the cost is generalization.
        Assert.Contains(
            ", and 0 of those open the gate: about 0.0 % of ordinary images may change, and shutting out the rest",
            Ran.Retouch([.. edit, "--set", "leak=0"]).Err,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            "open the gate",
            Ran.Retouch([.. edit, "--set", "leak=0.9", "--quiet"]).Err,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Fisher_keeps_a_single_unit()
    {
        Ran ran = Ran.Retouch(Kfac(_bench.Path("p"), "--locator", "fisher", "--keep", "0.005", "--force", "--json"));
        Assert.NotEqual(2, ran.Code);
        Assert.Equal(1, ran.Objects[0].GetProperty("units").GetInt32());
    }

    [Fact]
    public void Research_statistics_are_prepared_by_their_own_name_and_used_by_a_setting()
    {
        string outputs = Prepare("outputs", "outputs.prep");
        Ran.Retouch(
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                _label,
                "--method",
                "kfac",
                "--set",
                "tokens=all",
                "outputDamping=1",
                "--prepared",
                _inputs,
                outputs,
                "--out",
                _bench.Path("p")
            )
            .Good();
        using Patch read = PatchFile.Load(_bench.Path("p"));
        Assert.Equal(("1", "all"), (read.Provenance.Settings["outputDamping"], read.Provenance.Settings["tokens"]));
    }

    string[] Kfac(string output, params string[] more) =>
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _label,
            "--method",
            "kfac",
            "--prepared",
            _inputs,
            "--out",
            output,
            .. more,
        ];

    string Prepare(string method, string name)
    {
        Ran.Retouch(
                "prepare",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--method",
                method,
                "--out",
                _bench.Path(name)
            )
            .Good();
        return _bench.Path(name);
    }

    static string? Setting(JsonElement edit, string name) => edit.GetProperty("settings").GetProperty(name).GetString();
}
