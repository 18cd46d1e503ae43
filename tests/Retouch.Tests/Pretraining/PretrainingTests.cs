using Retouch.Formats;
using Retouch.Pretraining;
using Retouch.Tests.Cli;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Pretraining;

/// <summary>A ViT trained from nothing, on pictures of the letters world.</summary>
[Collection(nameof(LettersWorld))]
public sealed class PretrainingTests(LettersWorld world)
{
    static readonly PretrainingSettings Tiny = new()
    {
        Width = 16,
        Depth = 2,
        Heads = 2,
        MlpWidth = 24,
        Batch = 40,
        Epochs = 4,
        WarmUpEpochs = 0.5,
        RampEpochs = 0,
        MixShare = 0.5,
        LearningRate = 3e-3,
    };

    [Fact]
    public void A_training_that_was_interrupted_gives_the_same_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        LabelledImages images = world.Ordinary("0", "O", "X");
        using PretrainingRun whole = new(Tiny, 3);
        for (int i = 0; i < 4; i++)
            whole.Step(images, cores: 1);

        string checkpoint = world.NewFile("training");
        using (PretrainingRun first = new(Tiny, 3))
        {
            first.Step(images, cores: 1);
            first.Step(images, cores: 1);
            PretrainingCheckpoint.Save(first, "these", checkpoint);
        }
        using PretrainingRun second = PretrainingCheckpoint.Load(checkpoint, "these", Tiny, 3);
        Assert.Equal(2, second.Steps);
        second.Step(images, cores: 1);
        second.Step(images, cores: 1);
        AssertSame(whole, second);
    }

    [Fact]
    public void The_weights_are_the_same_on_any_number_of_cores()
    {
        using DisposeScope scope = NewDisposeScope();
        LabelledImages images = world.Ordinary("0", "O", "X");
        using PretrainingRun one = new(Tiny, 3);
        using PretrainingRun three = new(Tiny, 3);
        for (int i = 0; i < 2; i++)
            Assert.Equal(one.Step(images, cores: 1), three.Step(images, cores: 3));
        AssertSame(one, three);
    }

    [Fact]
    public void It_learns()
    {
        LabelledImages images = world.Ordinary("I", "O");
        PretrainingSettings settings = Tiny with { Batch = 32, MixShare = 0, Augmentation = 0, Epochs = 60 };
        using PretrainingRun run = new(settings, 2);
        double first = run.Step(images, cores: 2);
        for (int i = 0; i < 59; i++)
            run.Step(images, cores: 2);
        double accuracy = run.Accuracy(images, cores: 2);
        Assert.True(accuracy > 0.95, $"{accuracy} after a first loss of {first}");
    }

    [Fact]
    public void A_checkpoint_of_other_data_or_settings_is_refused()
    {
        string checkpoint = world.NewFile("training");
        using (PretrainingRun run = new(Tiny, 3))
            PretrainingCheckpoint.Save(run, "these", checkpoint);
        Assert.Contains(
            "other images",
            Assert.Throws<BadInputException>(() => PretrainingCheckpoint.Load(checkpoint, "those", Tiny, 3)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "other settings",
            Assert
                .Throws<BadInputException>(() =>
                    PretrainingCheckpoint.Load(checkpoint, "these", Tiny with { Seed = 1 }, 3)
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "weights",
            Assert.Throws<BadInputException>(() => PretrainingCheckpoint.Load(checkpoint, "these", Tiny, 4)).Message,
            StringComparison.Ordinal
        );
        Assert.Throws<BadInputException>(() => PretrainingCheckpoint.Load(world.Model, "these", Tiny, 3));
    }

    [Theory]
    [InlineData("{\"width\": 64.5}", "width")]
    [InlineData("{\"depht\": 12}", "depht")]
    [InlineData("{\"heads\": 5}", "heads")]
    [InlineData("{\"patchSize\": 5}", "patchSize")]
    [InlineData("{\"learningRate\": 0}", "learningRate")]
    [InlineData("{\"warmUpEpochs\": 36}", "warmUpEpochs")]
    [InlineData("[]", "settings")]
    [InlineData("", "settings")]
    public void Bad_settings_are_refused_by_name(string json, string word)
    {
        string path = world.NewFile("config.json");
        File.WriteAllText(path, json);
        Assert.Contains(
            word,
            Assert.Throws<BadInputException>(() => PretrainingSettings.Load(path)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Settings_that_a_file_leaves_out_keep_their_defaults()
    {
        string path = world.NewFile("config.json");
        File.WriteAllText(path, "{\"epochs\": 7}");
        Assert.Equal(new PretrainingSettings { Epochs = 7 }, PretrainingSettings.Load(path));
        File.WriteAllText(path, Tiny.ToJson());
        Assert.Equal(Tiny, PretrainingSettings.Load(path));
    }

    [Fact]
    public void The_step_size_rises_and_falls()
    {
        PretrainingSettings settings = new()
        {
            Epochs = 10,
            WarmUpEpochs = 2,
            LearningRate = 1,
        };
        Assert.Equal(0.05, settings.Rate(0, 10), 12);
        Assert.Equal(1, settings.Rate(19, 10), 12);
        Assert.Equal(1, settings.Rate(20, 10), 12);
        Assert.Equal(0.5, settings.Rate(60, 10), 12);
        Assert.Equal(0, settings.Rate(100, 10), 12);
    }

    [Fact]
    public void The_command_writes_a_model_that_other_commands_take()
    {
        string folder = world.Subfolder("few", "0", "O", "X");
        string config = world.NewFile("config.json");
        string model = world.NewFile("model.safetensors");
        File.WriteAllText(config, (Tiny with { Epochs = 2 }).ToJson());
        Ran ran = Ran.Retouch(
                "pretrain",
                "--images",
                folder,
                "--held-out",
                folder,
                "--config",
                config,
                "--out",
                model,
                "--half",
                "--json"
            )
            .Good();
        Assert.Equal(3, ran.Objects[0].GetProperty("classes").GetInt32());
        Assert.InRange(ran.Objects[0].GetProperty("heldOutAccuracy").GetDouble(), 0, 1);
        Assert.False(File.Exists(model + ".checkpoint"));
        using (ModelFile file = ModelFile.Load(model))
        {
            Assert.Equal(
                (24, 4, 2, 3),
                (
                    file.Model.Config.ImageSize,
                    file.Model.Config.PatchSize,
                    file.Model.Config.Heads,
                    file.Model.Config.Classes
                )
            );
            Assert.True(file.PreprocessingStated);
        }
        Ran.Retouch("predict", "--model", model, Directory.EnumerateFiles(Path.Combine(folder, "X")).First()).Good();
        Assert.Equal(2, Ran.Retouch("pretrain", "--images", folder, "--config", config, "--out", model).Code);
    }

    [Fact]
    public void A_training_that_was_interrupted_is_not_lost_by_accident()
    {
        string folder = world.Subfolder("few", "0", "O", "X");
        string model = world.NewFile("model.safetensors");
        using (PretrainingRun run = new(Tiny, 3))
            PretrainingCheckpoint.Save(run, "these", model + ".checkpoint");
        Ran ran = Ran.Retouch("pretrain", "--images", folder, "--out", model);
        Assert.Equal(2, ran.Code);
        Assert.Contains("--resume", ran.Err, StringComparison.Ordinal);
        Assert.Equal(2, Ran.Retouch("pretrain", "--images", folder, "--out", model, "--resume").Code);
    }

    [Fact]
    public void Images_outside_of_class_folders_are_refused()
    {
        string folder = Path.Combine(world.Subfolder("flat", "X"), "X");
        Ran ran = Ran.Retouch("pretrain", "--images", folder, "--out", world.NewFile("m.safetensors"));
        Assert.Equal(2, ran.Code);
        Assert.Contains("lies in no folder of a class", ran.Err, StringComparison.Ordinal);
    }

    static void AssertSame(PretrainingRun a, PretrainingRun b)
    {
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> first = a.Tensors(half: false);
        IReadOnlyDictionary<string, Tensor> second = b.Tensors(half: false);
        Assert.All(first, t => Assert.True(t.Value.equal(second[t.Key]).all().item<bool>(), t.Key));
    }
}
