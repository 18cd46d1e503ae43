using System.Text.Json;
using Retouch.Patches;

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
        string patch = _bench.Path("p.safetensors"), label = _bench.WrongLabel();
        string[] keep = locator == "all" ? [] : ["--keep", "0.2"];
        string[] file = locator == "hypernetwork" ? ["--locator-file", _bench.WriteHypernetwork("locator.safetensors")] : [];
        Ran ran = Ran.Retouch([
            "edit", "--model", _bench.Model, "--labels", _bench.Labels, "--image", _bench.Image, "--label", label, "--locator", locator, "--lr", Workbench.Rate,
            "--locality", _bench.Locality, "--seed", "3", "--out", patch, "--json", "--quiet", .. keep, .. file]).Good();
        Assert.Equal("", ran.Err);
        JsonElement edit = Assert.Single(ran.Objects);

        Assert.Equal(_bench.Image, edit.GetProperty("image").GetString());
        Assert.Equal(int.Parse(label), edit.GetProperty("label").GetProperty("index").GetInt32());
        Assert.Equal(File.ReadAllLines(_bench.Labels)[int.Parse(label)], edit.GetProperty("label").GetProperty("name").GetString());
        Assert.Equal((3, 3), (edit.GetProperty("before").GetArrayLength(), edit.GetProperty("after").GetArrayLength()));
        Assert.NotEqual(int.Parse(label), edit.GetProperty("before")[0].GetProperty("index").GetInt32());
        Assert.Equal(int.Parse(label), edit.GetProperty("after")[0].GetProperty("index").GetInt32());
        Assert.True(edit.GetProperty("success").GetBoolean());
        Assert.InRange(edit.GetProperty("steps").GetInt32(), 1, 100);
        Assert.InRange(edit.GetProperty("seconds").GetDouble(), 0, 100);
        Assert.Equal(locator == "all" ? 240 : 47, edit.GetProperty("units").GetInt32());
        Assert.Equal(24 * edit.GetProperty("units").GetInt32(), edit.GetProperty("parameters").GetInt64());
        Assert.Equal(1 - edit.GetProperty("changed").GetArrayLength() / 6.0, edit.GetProperty("localityRate").GetDouble(), 1e-9);
        Assert.All(edit.GetProperty("changed").EnumerateArray(), c =>
            Assert.NotEqual(c.GetProperty("before").GetProperty("index").GetInt32(), c.GetProperty("after").GetProperty("index").GetInt32()));
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
                Ran.Retouch("edit", "--model", _bench.Model, "--image", _bench.Image, "--label", _bench.WrongLabel(), "--locator", locator, "--lr", Workbench.Rate,
                    "--keep", locator == "all" ? "1" : "0.3", "--out", file, "--locality", _bench.Locality).Good();
            }
            Assert.Equal(File.ReadAllBytes(files[0]), File.ReadAllBytes(files[1]));
        }
    }

    [Fact]
    public void Another_seed_draws_another_random_mask()
    {
        Ran.Retouch(Workbench.With(_bench.Edit(_bench.Path("1")), "--locator", "random")).Good();
        Ran.Retouch(Workbench.With(_bench.Edit(_bench.Path("2"), "--seed", "1"), "--locator", "random")).Good();
        using Patch a = PatchFile.Load(_bench.Path("1")), b = PatchFile.Load(_bench.Path("2"));
        Assert.InRange(a.Delta.Units.IntersectionOverUnion(b.Delta.Units), 0, 0.5);
    }

    [Fact]
    public void Several_images_are_edited_to_one_class_together()
    {
        string second = _bench.WriteImage("second.png", 2), patch = _bench.Path("p");
        string label = _bench.WrongLabel();
        foreach (string[] images in (string[][])[["--image", _bench.Image, second], ["--image", _bench.Image, "--image", second]])
        {
            JsonElement edit = Ran.Retouch(["edit", "--model", _bench.Model, "--label", label, "--locator", "all", "--lr", Workbench.Rate, "--out", patch, "--overwrite", "--json", .. images]).Good().Objects[0];
            Assert.Equal([_bench.Image, second], edit.GetProperty("images").EnumerateArray().Select(i => i.GetString()));
        }
        Assert.Equal(["image.png", "second.png"], Ran.Retouch("log", "--json", patch).Good().Objects[0].GetProperty("images").EnumerateArray().Select(i => i.GetProperty("name").GetString()));
        using Patch read = PatchFile.Load(patch);
        Assert.All(read.Provenance.Images, i => Assert.Matches("^[0-9a-f]{64}$", i.Sha256));
    }

    [Fact]
    public void Text_shows_before_after_and_what_else_changed()
    {
        string patch = _bench.Path("p");
        Ran ran = Ran.Retouch([.. _bench.Edit(patch), "--labels", _bench.Labels, "--locality", _bench.Locality]).Good();
        foreach (string part in (string[])["before", "after", "corrected", "steps", "47 units, 1128 parameters (gradient, keep 0.2, blocks ", "% of 6 images keep their prediction", patch])
            Assert.Contains(part, ran.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_the_model_gives_already_needs_no_patch()
    {
        string right = Ran.Retouch("predict", "--model", _bench.Model, "--top", "1", "--json", _bench.Image).Good().Objects[0].GetProperty("predictions")[0].GetProperty("index").GetInt32().ToString();
        string patch = _bench.Path("p");
        string[] edit = ["edit", "--model", _bench.Model, "--image", _bench.Image, "--label", right, "--locator", "all", "--out", patch];

        string[] before = _bench.Contents();
        Assert.Contains("Nothing to correct: the model already says", Ran.Retouch([.. edit, "--quiet"]).Good().Out, StringComparison.Ordinal);
        JsonElement json = Ran.Retouch([.. edit, "--json"]).Good().Objects[0];
        Assert.Equal((JsonValueKind.Null, true, 0), (json.GetProperty("patch").ValueKind, json.GetProperty("success").GetBoolean(), json.GetProperty("steps").GetInt32()));
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
        Assert.Equal(before, _bench.Contents());

        Assert.Contains("NOT corrected", Ran.Retouch([.. edit.Where(a => a != "--json")]).Out, StringComparison.Ordinal);
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

    [Fact]
    public void Overwrite_replaces_an_older_patch()
    {
        string patch = _bench.Write("p", "old");
        Ran.Retouch(_bench.Edit(patch, "--overwrite")).Good();
        using Patch read = PatchFile.Load(patch);
        Assert.True(read.Provenance.Measurements!.Success);
    }
}
