using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Cli;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Patches;

/// <summary>Patches that add hidden units, in a model, in files, in stacks, and taken out again.</summary>
public sealed class AddedUnitTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly DisposeScope _scope = NewDisposeScope();
    readonly VitModel _model = TinyVit.Create();
    readonly Tensor _pixels;

    public AddedUnitTests() => _pixels = TinyVit.Pixels(_model, 3);

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
        _bench.Dispose();
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(24, 64)]
    [InlineData(25, 96)]
    public void All_blocks_are_as_wide_and_the_answers_are_those_under_the_patch(int units, int width)
    {
        using Patch patch = PatchSamples.Adding(_model, units, 1);
        using VitModel edited = PatchLedger.Apply(_model, [patch]);
        Assert.Equal(width, edited.Config.MlpWidth);
        Assert.Equal(width - 40 - units, EditHistory.Of(edited).SpareUnits);
        SplitVit split = new(_model, patch.Change.Space);
        using PrefixState state = split.Prefix(_pixels);
        Tensor under = split.Logits(state, patch.Change);
        Assert.True(TinyVit.MaxDifference(under, _model.Logits(_pixels)) > 1e-2);
        Assert.InRange(TinyVit.MaxDifference(edited.Logits(_pixels), under), 0, 1e-4);
        // A block in the middle follows too.
        using Patch middle = PatchSamples.Adding(_model, units, 2, block: 2);
        using VitModel other = PatchLedger.Apply(_model, [middle]);
        SplitVit earlier = new(_model, middle.Change.Space);
        using PrefixState before = earlier.Prefix(_pixels);
        Assert.InRange(TinyVit.MaxDifference(other.Logits(_pixels), earlier.Logits(before, middle.Change)), 0, 1e-4);
    }

    [Fact]
    public void A_stack_has_all_units_and_the_same_bits_in_every_order()
    {
        using Patch a = PatchSamples.Adding(_model, 3, 1);
        using Patch b = PatchSamples.Adding(_model, 20, 2);
        using Patch gate = PatchSamples.Rewriting(_model, 3, 5, 3);
        using Patch units = PatchSamples.Random(_model, 4);
        using VitModel first = PatchLedger.Apply(_model, [a, b, gate, units]);
        using VitModel second = PatchLedger.Apply(_model, [gate, b, units, a]);
        Assert.Equal((64, 1), (first.Config.MlpWidth, EditHistory.Of(first).SpareUnits));
        Assert.All(first.Tensors, t => Assert.Equal(t.Value.bytes.ToArray(), second.Tensors[t.Key].bytes.ToArray()));

        // What each adds to [CLS] after the last FFN adds up.
        using VitModel one = PatchLedger.Apply(_model, [a]);
        using VitModel two = PatchLedger.Apply(_model, [b]);
        using VitModel both = PatchLedger.Apply(_model, [b, a]);
        Tensor added = Last(one).Plus(Last(two)) - Last(_model);
        Assert.InRange(TinyVit.MaxDifference(Last(both), added), 0, 1e-4);

        Tensor Last(VitModel model) => model.FeedForward(model.Blocks[^1], full([1, model.Config.Width], 0.3f));
    }

    [Fact]
    public void An_edited_model_takes_further_units_in_its_spare_ones()
    {
        List<VitModel> models = [];
        VitModel model = _model;
        for (int i = 0; i < 8; i++)
        {
            using Patch patch = PatchSamples.Adding(model, 5, i);
            SplitVit split = new(model, patch.Change.Space);
            using PrefixState state = split.Prefix(_pixels);
            Tensor under = split.Logits(state, patch.Change);
            model = PatchLedger.Apply(model, [patch]);
            models.Add(model);
            Assert.InRange(TinyVit.MaxDifference(model.Logits(_pixels), under), 0, 1e-4);
            Assert.Equal(model.Config.MlpWidth - 40 - (5 * (i + 1)), EditHistory.Of(model).SpareUnits);
        }
        Assert.Equal([64, 64, 64, 64, 96, 96, 96, 96], models.Select(m => m.Config.MlpWidth));
        // They are taken, and no later edit takes them again.
        Assert.Equal(Enumerable.Range(40, 40), EditHistory.Of(model).RewrittenUnits.Order());
        foreach (VitModel each in models)
            each.Dispose();
    }

    [Fact]
    public void A_spare_unit_that_something_took_is_no_longer_spare()
    {
        using Patch adding = PatchSamples.Adding(_model, 4, 1);
        using VitModel wide = PatchLedger.Apply(_model, [adding]);
        Assert.Equal(20, EditHistory.Of(wide).SpareUnits);
        using Patch gate = PatchSamples.Rewriting(wide, 3, 50, 2);
        using Patch more = PatchSamples.Adding(wide, 4, 3);
        using VitModel taken = PatchLedger.Apply(wide, [gate]);
        Assert.Equal(13, EditHistory.Of(taken).SpareUnits);
        using Patch further = PatchSamples.Adding(taken, 4, 3);
        using VitModel after = PatchLedger.Apply(taken, [further]);
        using VitModel together = PatchLedger.Apply(wide, [more, gate]);
        string keys = VitNames.Block(3, "mlp.fc1.weight");
        Tensor key = taken.Tensors[keys][50];
        Assert.True(key.abs().sum().item<float>() > 0);
        foreach (VitModel model in (VitModel[])[after, together])
        {
            Assert.Equal((64, 9), (model.Config.MlpWidth, EditHistory.Of(model).SpareUnits));
            Assert.Equal(0, TinyVit.MaxDifference(key, model.Tensors[keys][50]));
        }
        Assert.Superset(
            new HashSet<int>([40, 41, 42, 43, 50, 51, 52, 53, 54]),
            EditHistory.Of(after).RewrittenUnits.ToHashSet()
        );
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void A_file_with_them_has_its_types_says_what_the_patch_says_and_goes_back(ScalarType type)
    {
        string path = _bench.WriteModel("base.safetensors", 0, type);
        (string a, string b) = (Save(path, "a", 3, 1), Save(path, "b", 9, 2));
        string applied = Applied(path, "applied", a);
        using (ModelFile before = ModelFile.Load(path))
        using (ModelFile after = ModelFile.Load(applied))
        using (Patch patch = PatchFile.Load(a))
        using (SafeTensorsFile stored = SafeTensorsFile.Open(applied))
        {
            Assert.All(stored.Tensors.Values, t => Assert.Equal(type, t.DType.ToScalarType()));
            Assert.Equal(64, after.Model.Config.MlpWidth);
            SplitVit split = new(before.Model, patch.Change.Space);
            using PrefixState state = split.Prefix(_pixels);
            Tensor under = split.Logits(state, patch.Change);
            Assert.InRange(
                TinyVit.MaxDifference(after.Model.Logits(_pixels), under),
                0,
                type == ScalarType.Float32 ? 1e-4 : 2e-2
            );
        }
        string both = Applied(path, "both", a, b);
        Assert.Equal(File.ReadAllBytes(both), File.ReadAllBytes(Applied(path, "both too", b, a)));

        string[] revert = ["revert", "--model", both, "--out", _bench.Path("back"), "--overwrite", "--patch"];
        Assert.Contains("added hidden units", _bench.Refuses([.. revert, b]), StringComparison.Ordinal);
        Ran.Retouch([.. revert, b, "--base", path]).Good();
        Assert.Equal(File.ReadAllBytes(applied), File.ReadAllBytes(_bench.Path("back")));
        Ran.Retouch([.. revert, a, b, "--base", path]).Good();
        using ModelFile back = ModelFile.Load(_bench.Path("back"));
        using ModelFile unedited = ModelFile.Load(path);
        Assert.Equal(unedited.Model.Fingerprint, back.Model.Fingerprint);
        Assert.Equal(File.ReadAllBytes(path)[^4096..], File.ReadAllBytes(_bench.Path("back"))[^4096..]);
    }

    [Fact]
    public void Exports_state_the_width()
    {
        string a = Save(_bench.Model, "a", 30, 1);
        using ModelFile file = ModelFile.Load(_bench.Model);
        using Patch patch = PatchFile.Load(a);
        using VitModel edited = PatchLedger.Apply(file.Model, [patch]);
        Assert.Equal(96, edited.Config.MlpWidth);
        Export("timm", "timm");
        Export("transformers", "hf");
        Export("onnx", "m.onnx");
        using (var config = Json("timm/config.json"))
            Assert.Equal(
                96,
                (int)(24 * config.RootElement.GetProperty("model_args").GetProperty("mlp_ratio").GetDouble())
            );
        using (var config = Json("hf/config.json"))
            Assert.Equal(96, config.RootElement.GetProperty("intermediate_size").GetInt32());
        foreach (string folder in (string[])["timm", "hf"])
        {
            using ModelFile read = ModelFile.Load(_bench.Path(folder));
            Assert.InRange(TinyVit.MaxDifference(edited.Logits(_pixels), read.Model.Logits(_pixels)), 0, 1e-5);
        }
        Assert.InRange(
            TinyVit.MaxDifference(edited.Logits(_pixels), OnnxSamples.Run(_bench.Path("m.onnx"), _pixels)),
            0,
            1e-4
        );

        void Export(string format, string name) =>
            Ran.Retouch("export", "--format", format, "--model", _bench.Model, "--out", _bench.Path(name), "--patch", a)
                .Good();

        System.Text.Json.JsonDocument Json(string name) =>
            System.Text.Json.JsonDocument.Parse(File.ReadAllText(_bench.Path(name)));
    }

    [Fact]
    public void A_served_file_keeps_its_shapes_and_says_so()
    {
        string served = _bench.Path("served.onnx");
        Ran.Retouch("export", "--format", "onnx", "--model", _bench.Model, "--out", served).Good();
        _bench.Refuses(
            [
                "apply",
                "--model",
                _bench.Model,
                "--onnx",
                served,
                "--patch",
                Save(_bench.Model, "a", 3, 1),
                "--out",
                _bench.Path("out.onnx"),
            ],
            "adds hidden units",
            "retouch export --patch … --format onnx"
        );
    }

    [Fact]
    public void A_served_file_that_holds_one_names_it_and_no_copy_that_lies_nearby()
    {
        string wide = Save(_bench.Model, "a", 3, 1);
        string served = _bench.Path("served.onnx");
        Ran.Retouch("export", "--format", "onnx", "--model", _bench.Model, "--patch", wide, "--out", served).Good();
        File.Move(wide, _bench.Path("another name"));
        string title;
        using (LoadedPatch patch = LoadedPatch.Load(_bench.Path("another name")))
            title = AppliedPatch.Of(patch).Title;
        string[] apply = ["apply", "--model", _bench.Model, "--onnx", served, "--out", _bench.Path("out.onnx")];
        string added = _bench.Refuses(
            [.. apply, "--patch", _bench.MakePatch("p")],
            $"{served} has a patch in it that adds hidden units ({title})",
            "--format onnx"
        );
        Assert.DoesNotContain("another name", added, StringComparison.Ordinal);
        _bench.Refuses([.. apply, "--remove", _bench.Path("another name")], "has a patch in it that adds hidden units");
    }

    [Fact]
    public void A_ledger_builds_with_them()
    {
        (string a, string b) = (Save(_bench.Model, "a", 3, 1), Save(_bench.Model, "b", 9, 2));
        string[] by = ["--ledger", _bench.Path("ledger.json"), "--author", "Ann", "--reason", "because"];
        Ran.Retouch(["ledger", "init", "--model", _bench.Model, .. by]).Good();
        Ran.Retouch(["ledger", "add", a, .. by]).Good();
        Ran.Retouch(["ledger", "add", b, .. by]).Good();
        Build("built");
        Assert.Equal(File.ReadAllBytes(Applied(_bench.Model, "both", b, a)), File.ReadAllBytes(_bench.Path("built")));
        Ran.Retouch(["ledger", "revert", a, .. by]).Good();
        Build("reverted");
        Assert.Equal(File.ReadAllBytes(Applied(_bench.Model, "one", b)), File.ReadAllBytes(_bench.Path("reverted")));

        void Build(string name) =>
            Ran.Retouch(["ledger", "build", "--model", _bench.Model, "--out", _bench.Path(name), .. by[..2]]).Good();
    }

    string Save(string model, string name, int units, int seed)
    {
        using ModelFile file = ModelFile.Load(model);
        using Patch patch = PatchSamples.Adding(file.Model, units, seed);
        PatchFile.Save(patch, _bench.Path(name), overwrite: true);
        return _bench.Path(name);
    }

    string Applied(string model, string name, params string[] patches)
    {
        Ran.Retouch(["apply", "--model", model, "--out", _bench.Path(name), "--overwrite", "--patch", .. patches])
            .Good();
        return _bench.Path(name);
    }
}
