using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Names as training leaves them, files that are no classifier, and what is said of what no file states.
/// </summary>
public sealed class OpeningTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("torchvision", "heads.head", "heads")]
    [InlineData("torchvision", "heads.head", "heads.0")]
    [InlineData("torchvision", "heads.head", "heads.1")]
    [InlineData("torchvision", "heads.head", "heads.head.1")]
    [InlineData("torchvision", "heads.head", "heads.classifier")]
    [InlineData("timm", "head", "head.1")]
    [InlineData("timm", "head", "head.0")]
    [InlineData("timm", "head", "head.fc")]
    [InlineData("transformers", "classifier", "classifier.1")]
    [InlineData("transformers", "classifier", "classifier.dense")]
    public void A_classifier_that_a_user_put_in_is_opened_and_written_back_under_its_name(
        string format,
        string own,
        string named
    )
    {
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            format,
            n => n.StartsWith(own + ".", StringComparison.Ordinal) ? named + n[own.Length..] : n
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(_model.Config));
        Assert.Equal((_model.Fingerprint, format), (file.Model.Fingerprint, file.Scheme.Name));
        Assert.Equal(named == "heads" ? 0 : 1, file.Notes.Count);
        Assert.All(file.Notes, n => Assert.Contains(named + ".weight", n, StringComparison.Ordinal));
        using DisposeScope scope = NewDisposeScope();
        file.WriteWith(
            _folder.File("e.safetensors"),
            new Dictionary<string, Tensor> { ["head.bias"] = _model.Tensors["head.bias"] + 1 },
            overwrite: false
        );
        using SafeTensorsFile edited = SafeTensorsFile.Open(_folder.File("e.safetensors"));
        Assert.Equal(0, TinyVit.MaxDifference(_model.Tensors["head.bias"] + 1, edited.Read(named + ".bias")));
    }

    [Theory]
    [InlineData("head.0", "head.2")]
    [InlineData("head.norm", "head.fc")]
    public void A_classifier_of_several_layers_is_refused_with_their_names(string first, string second)
    {
        using Tensor weight = zeros(24, 24);
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            "timm",
            n => n.StartsWith("head.", StringComparison.Ordinal) ? second + n["head".Length..] : n,
            (first + ".weight", weight)
        );
        string message = Refused(path);
        Assert.Contains(first + ".weight", message, StringComparison.Ordinal);
        Assert.Contains("several layers", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timm", @"^(blocks\.\d+)\.", "$1._orig_mod.")]
    [InlineData("timm", @"^(blocks\.\d+)\.", "$1._checkpoint_wrapped_module.")]
    [InlineData("timm", @"^(blocks\.\d+)\.", "$1._fsdp_wrapped_module._checkpoint_wrapped_module.")]
    [InlineData("timm", @"^(blocks\.\d+\.attn)\.", "$1.module.")]
    [InlineData("timm", @"^patch_embed\.", "patch_embed._orig_mod.")]
    [InlineData("timm", @"^(blocks|patch_embed|norm|cls_token|pos_embed)\b", "_orig_mod.$1")]
    [InlineData("transformers", @"^(vit\.encoder\.layer\.\d+)\.", "$1._orig_mod.")]
    [InlineData("transformers", @"^vit\.", "vit._orig_mod.")]
    [InlineData("torchvision", @"^encoder\.layers\.", "encoder.layers.module.")]
    public void Wrappers_within_names_are_taken_off(string format, string pattern, string with)
    {
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            format,
            n => System.Text.RegularExpressions.Regex.Replace(n, pattern, with)
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(_model.Config));
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
        using DisposeScope scope = NewDisposeScope();
        file.WriteWith(
            _folder.File("e.safetensors"),
            new Dictionary<string, Tensor> { ["blocks.1.mlp.fc1.bias"] = _model.Tensors["blocks.1.mlp.fc1.bias"] + 1 },
            overwrite: false
        );
        using SafeTensorsFile before = SafeTensorsFile.Open(path);
        using SafeTensorsFile after = SafeTensorsFile.Open(_folder.File("e.safetensors"));
        Assert.Equal(before.Tensors.Keys, after.Tensors.Keys);
    }

    [Fact]
    public void A_backbone_is_said_to_have_no_classifier_with_what_there_is()
    {
        using Tensor other = zeros(7, 24);
        using Tensor projection = zeros(24, 24);
        foreach (
            (string format, string head, string name) in ((string, string, string)[])
                [
                    ("timm", "head.", "head.weight"),
                    ("transformers", "classifier.", "classifier.weight"),
                    ("torchvision", "heads.", "heads.head.weight"),
                ]
        )
        {
            Func<string, string?> bare = n => n.StartsWith(head, StringComparison.Ordinal) ? null : n;
            string message = Refused(ModelSamples.WriteAs(_folder.File("m.safetensors"), _model, format, bare));
            Assert.Contains("has no classifier", message, StringComparison.Ordinal);
            Assert.Contains(name, message, StringComparison.Ordinal);
            message = Refused(
                ModelSamples.WriteAs(
                    _folder.File("m.safetensors"),
                    _model,
                    format,
                    bare,
                    ("fc.weight", other),
                    ("projector.0.weight", projection)
                )
            );
            Assert.Contains("fc.weight [7, 24], projector.0.weight [24, 24]", message, StringComparison.Ordinal);
        }
        // A backbone under a prefix, its classifier beside it.
        Assert.Contains(
            "head.weight [7, 24]",
            Refused(
                ModelSamples.WriteAs(
                    _folder.File("m.safetensors"),
                    _model,
                    "timm",
                    n => n.StartsWith("head.", StringComparison.Ordinal) ? n : "backbone." + n
                )
            ),
            StringComparison.Ordinal
        );
        // transformers' ViTModel.
        string vit = Refused(
            ModelSamples.WriteAs(
                _folder.File("m.safetensors"),
                _model,
                "transformers",
                n => n.StartsWith("vit.", StringComparison.Ordinal) ? n["vit.".Length..] : null,
                ("pooler.dense.weight", projection)
            )
        );
        Assert.Contains("has no classifier: it holds transformers' bare ViTModel", vit, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight")]
    [InlineData("base_model.model.blocks.0.attn.qkv.lora_B.default.weight")]
    [InlineData("base_model.model.blocks.0.mlp.fc1.hada_w1_a")]
    [InlineData("base_model.model.blocks.0.mlp.fc1.lokr_w1")]
    public void An_adapter_alone_is_recognized(string name)
    {
        using Tensor tensor = zeros(8, 24);
        using Tensor head = zeros(7, 24);
        SafeTensorsWriter.Write(
            _folder.File("adapter_model.safetensors"),
            [(name, tensor), ("base_model.model.classifier.weight", head)],
            null,
            overwrite: true
        );
        string message = Refused(_folder.Root);
        Assert.Contains("is an adapter", message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains("merge", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_in_its_model_is_to_be_merged_whatever_became_of_the_classifier()
    {
        using Tensor tensor = zeros(8, 24);
        using Tensor head = zeros(7, 24);
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            "transformers",
            n =>
                "base_model.model." + n.Replace("classifier.", "classifier.original_module.", StringComparison.Ordinal),
            ("base_model.model.classifier.modules_to_save.default.weight", head),
            ("base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.default.weight", tensor)
        );
        Assert.Contains("merge it first", Refused(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("layer_scale1.lambda1", "attention.q_proj.weight", "DINOv3", "DINOv2")]
    [InlineData("gamma_1", "rope.freqs", "rotary", "BEiT")]
    public void Families_with_some_names_in_common_are_told_apart(string first, string second, string word, string not)
    {
        using Tensor tensor = zeros(1, 4, 24);
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            "timm",
            n => n,
            ("blocks.0." + first, tensor),
            ("blocks.0." + second, tensor)
        );
        string message = Refused(path);
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.DoesNotContain(not, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_says_nothing_of_the_architecture()
    {
        using ModelFile file = ModelFile.Load(
            ModelSamples.Write(_folder.File("m.safetensors"), _model, prefix: "dinov2_swin_student."),
            ModelSamples.Hints(_model.Config)
        );
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
    }

    [Fact]
    public void Messages_spell_names_as_the_file_does()
    {
        string Spoilt(string format, string name, Tensor? tensor)
        {
            string path = _folder.File("m.safetensors");
            ModelSamples.WriteAs(
                path,
                _model,
                format,
                n => n == name ? null : n,
                tensor is null ? [] : [(name, tensor)]
            );
            return Refused(path);
        }
        using Tensor thin = zeros(24);
        using Tensor misshapen = zeros(40, 23);
        using Tensor broken = full(7, float.NaN);
        Assert.Contains(
            "classifier.weight is " + "[24]",
            Spoilt("transformers", "classifier.weight", thin),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "The tensor classifier.bias is " + "missing",
            Spoilt("transformers", "classifier.bias", null),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "vit.encoder.layer.2.intermediate.dense.weight is [40, 23]",
            Spoilt("transformers", "vit.encoder.layer.2.intermediate.dense.weight", misshapen),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "classifier.bias holds " + "NaN",
            Spoilt("transformers", "classifier.bias", broken),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "encoder.ln.weight is " + "missing",
            Spoilt("torchvision", "encoder.ln.weight", null),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "heads.head.bias is " + "missing",
            Spoilt("torchvision", "heads.head.bias", null),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_no_file_states_is_assumed_and_told_with_the_option_that_states_it()
    {
        string[] Options(string path, VitTraits traits)
        {
            using ModelFile file = ModelFile.Load(path, new ModelHints { Traits = traits });
            Assert.All(
                file.Assumptions,
                a => Assert.Contains(a.Value is "token" ? "[CLS]" : a.Value, a.What, StringComparison.Ordinal)
            );
            return [.. file.Assumptions.Select(a => $"{a.Option} {a.Value}")];
        }
        using VitModel wide = TinyVit.Create(width: 128, heads: 2);
        string timm = ModelSamples.Write(_folder.File("t.safetensors"), wide);
        string transformers = ModelSamples.Write(_folder.File("h.safetensors"), wide, "transformers");
        string torchvision = ModelSamples.Write(_folder.File("v.safetensors"), wide, "torchvision");
        Assert.Equal(
            ["heads 2", "activation gelu", "norm-epsilon " + "1e-6", "pooling token", "image-size 12"],
            Options(timm, new())
        );
        Assert.Equal(
            ["heads 2", "activation gelu", "norm-epsilon " + "1e-12", "image-size 12"],
            Options(transformers, new())
        );
        Assert.Equal(["heads 2"], Options(torchvision, new()));
        Assert.Equal(
            ["image-size 12"],
            Options(
                timm,
                new()
                {
                    Heads = 4,
                    Activation = VitActivation.QuickGelu,
                    NormEpsilon = 1e-5,
                    Pooling = VitPooling.Average,
                }
            )
        );
        // What Retouch itself wrote states all.
        string own = _folder.File("own.safetensors");
        ModelExport.Write(
            wide,
            ModelExport.Find("timm", wide),
            Retouch.Images.Preprocessing.Inception(12, 1),
            null,
            own,
            overwrite: true
        );
        Assert.Empty(Options(own, new()));
        // AugReg's layout shows the heads, and its models differ in nothing else.
        Assert.Empty(Options(SharedData.Require("golden", "augreg_vit.npz"), new()));
    }

    [Theory]
    [InlineData(0, 0, "same probability")]
    [InlineData(0, 1, "ranks the classes alike")]
    [InlineData(0.5, 0, "same probability")]
    public void A_classifier_that_never_differs_is_said(double weight, double slope, string word)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = full([7, 24], (float)weight);
        Tensor bias = arange(0, 7, ScalarType.Float32) * slope;
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            "transformers",
            n => n.StartsWith("classifier.", StringComparison.Ordinal) ? null : n,
            ("classifier.weight", rows),
            ("classifier.bias", bias)
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(_model.Config));
        string note = Assert.Single(file.Notes);
        Assert.Contains(word, note, StringComparison.Ordinal);
        Assert.Contains("classifier.weight", note, StringComparison.Ordinal);
        using ModelFile sound = ModelFile.Load(
            ModelSamples.Write(_folder.File("n.safetensors"), _model),
            ModelSamples.Hints(_model.Config)
        );
        Assert.Empty(sound.Notes);
    }

    [Fact]
    public void A_pooler_that_is_not_used_is_said()
    {
        using Tensor pooler = zeros(24, 24);
        string path = ModelSamples.WriteAs(
            _folder.File("m.safetensors"),
            _model,
            "transformers",
            n => n,
            ("vit.pooler.dense.weight", pooler)
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(_model.Config));
        Assert.Contains("vit.pooler.dense.weight was passed over", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{\"num_heads\": null}")]
    [InlineData("{}")]
    public void Metadata_of_nothing_are_none(string metadata)
    {
        string path = ModelSamples.Write(_folder.File("m.safetensors"), _model);
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BitConverter.ToInt64(bytes);
        string header = System.Text.Encoding.UTF8.GetString(bytes, 8, length).TrimEnd();
        byte[] changed = System.Text.Encoding.UTF8.GetBytes($"{{\"__metadata__\":{metadata},{header[1..]}");
        File.WriteAllBytes(
            path,
            [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. bytes[(8 + length)..]]
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(_model.Config));
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
    }

    string Refused(string path)
    {
        string message = Assert
            .Throws<BadInputException>(() => ModelFile.Load(path, ModelSamples.Hints(_model.Config)).Dispose())
            .Message;
        Assert.Contains("safetensors", message, StringComparison.Ordinal);
        return message;
    }
}
