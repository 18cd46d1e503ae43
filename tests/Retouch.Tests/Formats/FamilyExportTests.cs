using Retouch.Formats;
using Retouch.Images;
using Retouch.Pretraining;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Models that are no plain ViTs go out as their libraries keep them. RETOUCH_FAMILY_EXPORTS names a folder where the
/// cases are left for tools/check-exports.py, which asks the libraries.
/// </summary>
public sealed class FamilyExportTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Golden => [.. Vit.GoldenFamilyTests.Families];

    public static TheoryData<string> Families => [.. TinyVit.Families.Keys];

    public static TheoryData<string> Trained => [.. PretrainingFamilies.Names];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Golden))]
    public void A_family_goes_out_in_its_librarys_scheme_edited_and_with_more_hidden_units(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        string format = family.Split('_')[0];
        string expected = SharedData.Require("golden", "families", family, "expected.safetensors");
        bool zeroShot = family.Contains("zero_shot", StringComparison.Ordinal);
        ModelHints hints = new() { ClassEmbeddings = zeroShot ? expected : null };
        using ModelFile file = ModelFile.Load(
            SharedData.Require("golden", "families", family, "model.safetensors"),
            hints
        );
        using SafeTensorsFile golden = SafeTensorsFile.Open(expected);
        Tensor input = golden.ReadFloat("input");
        if (format == "open")
        {
            foreach (string other in ModelExport.Formats)
                Assert.Throws<BadInputException>(() => ModelExport.Find(other, file.Model));
            return;
        }
        Tensor head = file.Model.Tensors[VitNames.Block(file.Model.Config.Depth - 1, "mlp.fc2.weight")];
        using VitModel edited = file.With(
            new Dictionary<string, Tensor>
            {
                [VitNames.Block(file.Model.Config.Depth - 1, "mlp.fc2.weight")] = head + 0.1 * head.abs(),
            }
        );
        Check(family, edited);
        if (file.Model.Config.Stages.Count > 0 || file.Model.Config.PoolMlpWidth > 0)
            return;
        using VitModel wide = Widened(file.Model, 8);
        Check(family + "-wide", wide);

        void Check(string name, VitModel model)
        {
            string folder = Path.Combine(Root(name), format);
            IReadOnlyList<string> files = Write(format, file, model, folder);
            Assert.Contains(Path.Combine(folder, "config.json"), files);
            Tensor logits = model.Logits(input);
            LeaveExpected(name, input, logits);
            using ModelFile again = ModelFile.Load(folder, hints);
            Assert.Equal(format, again.Scheme.Name.Split('-')[0]);
            Assert.Equal(model.Config with { PatchBias = again.Model.Config.PatchBias }, again.Model.Config);
            Assert.Equal(0, TinyVit.MaxDifference(logits, again.Model.Logits(input)));
            // By the config alone, without what the weights' file itself states.
            string bare = Path.Combine(_folder.Root, name + " bare");
            Directory.CreateDirectory(bare);
            foreach (string card in files.Where(f => f.EndsWith(".json", StringComparison.Ordinal)))
                File.Copy(card, Path.Combine(bare, Path.GetFileName(card)));
            using (SafeTensorsFile weights = SafeTensorsFile.Open(Path.Combine(folder, ModelExport.WeightsName)))
                SafeTensorsWriter.Write(
                    Path.Combine(bare, ModelExport.WeightsName),
                    weights.Tensors.Keys.Select(n => (n, weights.Read(n))),
                    null,
                    overwrite: false
                );
            using ModelFile alone = ModelFile.Load(bare, hints);
            Assert.Equal(again.Model.Config, alone.Model.Config);
            Assert.Equal(again.Model.Fingerprint, alone.Model.Fingerprint);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_model_goes_out_for_timm_or_is_refused_by_what_its_config_cannot_state(string family) =>
        GoesOutOrIsRefused(family, TinyVit.Families[family]);

    [Theory]
    [MemberData(nameof(Trained))]
    public void What_was_trained_here_goes_out_for_timm_or_is_refused_by_what_its_config_cannot_state(string family) =>
        GoesOutOrIsRefused(
            "trained " + family,
            new PretrainingSettings
            {
                Family = family,
                Width = 24,
                Heads = 3,
                Depth = 2,
                MlpWidth = 32,
            }.Architecture(7)
        );

    void GoesOutOrIsRefused(string name, VitConfig config)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Of(config);
        string folder = Path.Combine(Root(name.Replace(' ', '-')), "timm");
        NamingScheme scheme;
        try
        {
            scheme = ModelExport.Find("timm", model);
        }
        catch (BadInputException e)
        {
            TestContext.Current.TestOutputHelper!.WriteLine($"{name}: {e.Message}");
            Assert.Contains("cannot state", e.Message, StringComparison.Ordinal);
            return;
        }
        ModelExport.Write(model, scheme, Preprocessing.Inception(config.ImageSize, 1), null, folder, overwrite: true);
        Tensor pixels = TinyVit.Pixels(model, 2);
        Tensor logits = model.Logits(pixels);
        LeaveExpected(name.Replace(' ', '-'), pixels, logits);
        using ModelFile again = ModelFile.Load(folder);
        Assert.Equal(
            config with
            {
                PatchBias = again.Model.Config.PatchBias,
                // Registers without positions where there are none at all.
                RegisterPositions = again.Model.Config.RegisterPositions,
                PrefixPositions = again.Model.Config.PrefixPositions,
            },
            again.Model.Config
        );
        // A bias of keys may be left out where it changes no more than rounding.
        Assert.True(TinyVit.RelativeDifference(again.Model.Logits(pixels), logits) < 1e-5);
    }

    [Fact]
    public void A_transformers_family_without_its_config_is_refused_with_what_is_missing()
    {
        File.Copy(
            SharedData.Require("golden", "families", "transformers_dinov2", "model.safetensors"),
            _folder.File("model.safetensors")
        );
        using ModelFile file = ModelFile.Load(_folder.Root, new ModelHints { Traits = new() { Heads = 4 } });
        BadInputException refused = Assert.Throws<BadInputException>(() =>
            Write("transformers", file, file.Model, _folder.File("out"))
        );
        Assert.Contains("config.json", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("out")));
    }

    [Fact]
    public void A_config_that_states_other_heads_than_the_model_was_opened_with_is_refused_by_their_name()
    {
        using ModelFile file = ModelFile.Load(
            SharedData.Require("golden", "families", "transformers_dinov2", "model.safetensors"),
            new ModelHints { Traits = new() { Heads = 2 } }
        );
        Assert.Contains(
            "num_attention_heads",
            Assert
                .Throws<BadInputException>(() => Write("transformers", file, file.Model, _folder.File("out")))
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_a_training_script_put_before_the_names_and_a_classifier_of_ones_own_go_out_as_the_library_has_them()
    {
        using DisposeScope scope = NewDisposeScope();
        string source = SharedData.Require("golden", "families", "transformers_beit", "model.safetensors");
        File.Copy(Path.Combine(Path.GetDirectoryName(source)!, "config.json"), _folder.File("config.json"));
        using (SafeTensorsFile golden = SafeTensorsFile.Open(source))
            SafeTensorsWriter.Write(
                _folder.File("model.safetensors"),
                golden.Tensors.Keys.Select(n =>
                    ("module." + n.Replace("classifier.", "classifier.1.", StringComparison.Ordinal), golden.Read(n))
                ),
                null,
                overwrite: false
            );
        using ModelFile file = ModelFile.Load(_folder.Root);
        Write("transformers", file, file.Model, _folder.File("out"));
        using SafeTensorsFile before = SafeTensorsFile.Open(source);
        using SafeTensorsFile after = SafeTensorsFile.Open(Path.Combine(_folder.File("out"), "model.safetensors"));
        Assert.Equal(before.Tensors.Keys.Order(), after.Tensors.Keys.Order());
        Assert.All(before.Tensors.Keys, n => Assert.True(before.Read(n).bytes.SequenceEqual(after.Read(n).bytes), n));
    }

    static IReadOnlyList<string> Write(string format, ModelFile file, VitModel model, string folder) =>
        ModelExport.KeepsNames(format, file)
            ? ModelExport.WriteAsItCame(file, model, file.Labels, new Dictionary<string, string?>(), folder, true)
            : ModelExport.Write(
                model,
                ModelExport.Find(format, model),
                file.Preprocessing,
                file.Labels,
                folder,
                overwrite: true
            );

    static VitModel Widened(VitModel model, int more)
    {
        Dictionary<string, Tensor> tensors = [];
        foreach ((string name, Tensor tensor) in model.Tensors)
        {
            bool rows = name.Contains(".mlp.fc1.", StringComparison.Ordinal);
            rows |= name.Contains(".mlp.gate.", StringComparison.Ordinal);
            rows |= name.Contains(".mlp.norm.", StringComparison.Ordinal);
            bool columns = name.EndsWith(".mlp.fc2.weight", StringComparison.Ordinal);
            long[] shape = [.. tensor.shape];
            shape[columns ? 1 : 0] = more;
            tensors[name] =
                rows ? cat([tensor, TinyVit.Normal(3, shape)], 0)
                : columns ? cat([tensor, TinyVit.Normal(4, shape)], 1)
                : tensor.alias();
        }
        return new VitModel(tensors, model.Config.Traits);
    }

    string Root(string name)
    {
        string? kept = Environment.GetEnvironmentVariable("RETOUCH_FAMILY_EXPORTS");
        return Directory.CreateDirectory(Path.Combine(kept is { Length: > 0 } ? kept : _folder.Root, name)).FullName;
    }

    void LeaveExpected(string name, Tensor pixels, Tensor logits) =>
        SafeTensorsWriter.Write(
            Path.Combine(Root(name), "expected.safetensors"),
            [("pixels", pixels), ("logits", logits)],
            null,
            overwrite: true
        );
}
