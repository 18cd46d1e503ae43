using Retouch.Formats;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Vit;

public sealed class GoldenModelTests
{
    // The golden files do not state their number of heads; of the divisors of 32 only 4 gives the logits.
    static readonly ModelHints FourHeads = new() { Traits = new VitTraits { Heads = 4 } };

    // Nor does a pre-norm tower's file state that it was made with QuickGELU, which is off by 1 % otherwise.
    static readonly ModelHints QuickGelu = new()
    {
        Traits = new VitTraits { Heads = 4, Activation = VitActivation.QuickGelu },
    };

    [Theory]
    [InlineData("timm_plain.safetensors", "timm", 1e-6)]
    [InlineData("timm_layerscale.safetensors", "timm", 1e-6)]
    [InlineData("timm_prenorm.safetensors", "timm", 1e-6)]
    [InlineData("timm_registers.safetensors", "timm", 1e-6)]
    [InlineData("timm_avgpool.safetensors", "timm", 1e-6)]
    [InlineData("timm_noqkvbias.safetensors", "timm", 1e-6)]
    [InlineData("torchvision_vit.safetensors", "torchvision", 1e-6)]
    [InlineData("huggingface_vit.safetensors", "transformers", 1e-12)]
    [InlineData("augreg_vit.npz", "augreg", 1e-6)]
    [InlineData("timm_plain.pth", "timm", 1e-6)]
    public void Small_models_give_the_logits_of_the_program_that_made_them(string name, string scheme, double epsilon)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = SharedData.Require("golden", name);
        // AugReg's layout shows the heads, and neither it nor the .pth holds an input.
        using ModelFile file = ModelFile.Load(
            path,
            name switch
            {
                "augreg_vit.npz" => null,
                "timm_prenorm.safetensors" => QuickGelu,
                _ => FourHeads,
            }
        );
        Assert.Equal((scheme, epsilon, 4), (file.Scheme.Name, file.Model.Config.NormEpsilon, file.Model.Config.Heads));
        using SafeTensorsFile golden = SafeTensorsFile.Open(
            path.EndsWith(".safetensors", StringComparison.Ordinal)
                ? path
                : SharedData.Require("golden", "timm_plain.safetensors")
        );
        Tensor input = golden.ReadFloat("input");
        Tensor expected = golden.ReadFloat("logits");
        Assert.True(TinyVit.RelativeDifference(file.Model.Logits(input), expected) < 1e-4);

        foreach (int first in (int[])[0, file.Model.Config.Depth - 1])
        {
            SplitVit split = new(file.Model, new EditSpace(file.Model.Config, first, 1));
            using PrefixState state = split.Prefix(input);
            Assert.True(TinyVit.RelativeDifference(split.Logits(state), expected) < 1e-4);
        }
    }

    [Fact]
    public void The_real_model_gives_timms_logits_and_features_from_timms_pixels()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        using SafeTensorsFile file = SafeTensorsFile.Open(SharedData.Require("golden", "vit_tiny_timm.safetensors"));
        Tensor pixels = real.Preprocessing.Normalize(file.Read("pixels_u8"));
        Tensor expected = file.ReadFloat("logits");
        Assert.True(TinyVit.MaxDifference(real.Model.Logits(pixels), expected) < 1e-4);

        SplitVit split = new(real.Model);
        using PrefixState state = split.Prefix(pixels);
        Assert.True(TinyVit.MaxDifference(split.Logits(state), expected) < 1e-4);
        Assert.True(TinyVit.MaxDifference(split.ClassFeatures(state), file.ReadFloat("cls_feature")) < 1e-4);
    }

    [Fact]
    public void Architecture_is_read_from_the_tensors()
    {
        using ModelFile real = RealModel.Load();
        Assert.Equal(
            new VitConfig
            {
                ImageSize = 224,
                PatchSize = 16,
                Width = 192,
                Depth = 12,
                Heads = 3,
                MlpWidth = 768,
                Classes = 1000,
                QkvBias = true,
            },
            real.Model.Config
        );
        Assert.Equal(
            (7, 3),
            (EditSpace.Default(real.Model.Config).FirstBlock, EditSpace.Default(real.Model.Config).Blocks)
        );
        Assert.Equal("timm", real.Scheme.Name);
        Assert.False(real.PreprocessingStated);
    }
}
