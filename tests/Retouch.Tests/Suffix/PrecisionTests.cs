using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

public sealed class PrecisionTests
{
    [Fact]
    public void Checked_predictions_of_photos_are_those_of_float32_under_edits_of_any_size()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        SplitVit full = new(real.Model);
        SplitVit check = new(real.Model, Precision.Checked);
        string folder = SharedData.Require("real", "imagenet-sample", "locality");
        string[] photos =
        [
            .. Directory
                .EnumerateFiles(folder, "*.jpg", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Take(60),
        ];
        using PrefixState state = full.Prefix(ImageLoader.LoadBatch(photos, real.Preprocessing));
        using Generator generator = new(3, CPU);
        Assert.Equal(full.Predict(state), check.Predict(state));
        foreach ((double share, double size) in ((double, double)[])[(0.05, 3e-3), (1, 1e-3), (1, 1e-2)])
        {
            UnitSelection units =
                share == 1 ? UnitSelection.All(full.Space) : TinyVit.RandomUnits(full.Space, share, 1);
            using WeightDelta delta = new(
                units,
                [
                    .. Enumerable
                        .Range(0, full.Space.Matrices)
                        .Select(m => randn([units[m].Length, full.Space.Width], generator: generator) * size),
                ]
            );
            Assert.Equal(full.Predict(state, delta), check.Predict(state, delta));
        }
    }

    [Fact]
    public void Bfloat16_changes_logits_and_gradients_of_the_real_model_little()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        using SafeTensorsFile file = SafeTensorsFile.Open(SharedData.Require("golden", "vit_tiny_timm.safetensors"));
        SplitVit full = new(real.Model);
        SplitVit mixed = new(real.Model, Precision.Mixed);
        using PrefixState state = full.Prefix(real.Preprocessing.Normalize(file.Read("pixels_u8").narrow(0, 4, 2)));
        UnitSelection[] units = [.. Enumerable.Range(0, 2).Select(e => TinyVit.RandomUnits(full.Space, 0.05, e))];
        (Tensor logits, Tensor[] gradients) = Pass(full);
        (Tensor rough, Tensor[] roughGradients) = Pass(mixed);
        Assert.InRange(TinyVit.MaxDifference(logits, rough), 1e-4, 0.5); // not nothing: it is another precision
        foreach ((Tensor exact, Tensor other) in gradients.Zip(roughGradients))
        {
            Assert.Equal(ScalarType.Float32, other.dtype);
            Assert.True(((exact * other).sum() / (exact.norm() * other.norm())).item<float>() > 0.995);
        }

        (Tensor, Tensor[]) Pass(SplitVit split)
        {
            using EditSession session = new(split, state, units);
            Tensor z = session.Logits();
            return (
                z,
                session.Gradients(nn.functional.softmax(z, 1) - nn.functional.one_hot(tensor([1L, 2L]), z.shape[1]))
            );
        }
    }

    // By the locator that comes along, at the sparsest ratio in use: of all that an edit computes the most sensitive to
    // small differences.
    [Fact]
    public void Bfloat16_names_the_same_units_of_the_real_model()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        SplitVit full = new(real.Model);
        SplitVit mixed = new(real.Model, Precision.Mixed);
        string[] shipped = Directory.GetFiles(
            Path.Combine(AppContext.BaseDirectory, "locators"),
            "vit_tiny*.safetensors"
        );
        using Hypernetwork network = HypernetworkFile.Load(Assert.Single(shipped));
        HypernetworkLocator locator = new(network);
        List<double> overlaps = [];
        string folder = Path.GetDirectoryName(
            SharedData.Require("real", "pacs", "art_painting", "elephant", "pic_001.jpg")
        )!;
        foreach (string painting in Directory.GetFiles(folder).Order(StringComparer.Ordinal).Take(12))
        {
            using Tensor pixels = RealModel.Pixels(
                real,
                Path.Combine("pacs", "art_painting", "elephant", Path.GetFileName(painting))
            );
            using PrefixState exact = full.Prefix(pixels);
            using PrefixState rough = mixed.Prefix(pixels);
            Mask scores = locator.Locate(full, new Failure(exact, 386));
            Mask others = locator.Locate(mixed, new Failure(rough, 386));
            overlaps.Add(scores.Keep(0.05).IntersectionOverUnion(others.Keep(0.05)));
        }
        Assert.InRange(overlaps.Average(), 0.95, 1);
    }

    [Fact]
    public void An_edit_in_bfloat16_corrects_the_model_in_float32_and_its_patch_says_so()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5);
        SplitVit mixed = new(model, new EditSpace(model.Config, 1, 3), Precision.Mixed);
        SplitVit full = new(model, mixed.Space);
        using PrefixState state = full.Prefix(TinyVit.Pixels(model, 1));
        int wrong = full.Predict(state)[0];
        int label = (wrong + 1) % model.Config.Classes;
        using EditResult result = new MaskedFineTuning(
            new GradientLocator(),
            new MaskedFineTuningSettings { LearningRate = 1e-3, KeepRatio = 0.5 }
        ).Edit(mixed, [new Failure(state, label)])[0];
        Assert.Equal([label], full.Predict(state, result.Patch.Change));
        Assert.Equal("bfloat16", result.Patch.Provenance.Settings["precision"]);
        using EditResult exact = new MaskedFineTuning(
            new GradientLocator(),
            new MaskedFineTuningSettings { LearningRate = 1e-3, KeepRatio = 0.5 }
        ).Edit(new SplitVit(model, mixed.Space, Precision.Checked), [new Failure(state, label)])[0];
        Assert.Equal("float32", exact.Patch.Provenance.Settings["precision"]);
    }

    [Fact]
    public void The_check_counts_what_it_says()
    {
        using VitModel model = TinyVit.Create(depth: 5);
        PrecisionCheck check = new SplitVit(model, Precision.Mixed).Check;
        Assert.InRange(check.Agreeing, 0, check.Images);
        Assert.InRange(check.Deviation, 1e-9, check.LargestDifference);
        Assert.Equal(12 * check.Deviation, check.Tolerance);
        Assert.False((check with { Agreeing = check.Images / 2 }).Agrees);
        Assert.False((check with { Agreeing = check.Images, Deviation = double.NaN }).Agrees);
        Assert.True((check with { Agreeing = check.Images }).Agrees);
    }

    [Fact]
    public void Where_the_processor_has_no_bfloat16_the_choice_is_float32()
    {
        using VitModel model = TinyVit.Create(depth: 5);
        EditSpace space = EditSpace.Default(model.Config);
        Precision chosen = PrecisionChoice.Cut(model, space).Precision;
        Assert.Equal(
            PrecisionChoice.ProcessorHasBFloat16 && new SplitVit(model, Precision.Mixed).Check.Agrees
                ? Precision.Mixed
                : Precision.Full,
            chosen
        );
        Assert.Equal(Precision.Full, PrecisionChoice.Cut(model, space, Precision.Full).Precision);
    }
}
