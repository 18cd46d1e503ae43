using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Vit;

public sealed class GoldenModelTests
{
    [Theory]
    [InlineData("timm_plain")]
    [InlineData("timm_noqkvbias")]
    public void Small_timm_models_give_timms_logits(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = SharedData.Require("golden", name + ".safetensors");
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        using VitModel model = Read(file);
        Tensor input = file.ReadFloat("input"), expected = file.ReadFloat("logits");
        Assert.True(TinyVit.RelativeDifference(model.Logits(input), expected) < 1e-4);

        SplitVit split = new(model);
        using PrefixState state = split.Prefix(input);
        Assert.True(TinyVit.RelativeDifference(split.Logits(state), expected) < 1e-4);
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
        Assert.Equal(new VitConfig { ImageSize = 224, PatchSize = 16, Width = 192, Depth = 12, Heads = 3, MlpWidth = 768, Classes = 1000, QkvBias = true }, real.Model.Config);
        Assert.Equal((7, 3), (EditSpace.Default(real.Model.Config).FirstBlock, EditSpace.Default(real.Model.Config).Blocks));
        Assert.Equal("timm", real.Scheme.Name);
        Assert.False(real.PreprocessingStated);
    }

    // The golden files do not state their number of heads; of the divisors of 32 only 4 gives the logits.
    static VitModel Read(SafeTensorsFile file)
    {
        (NamingScheme scheme, string prefix) = NamingScheme.Recognize(file.Tensors.Keys)!.Value;
        Assert.Equal("model.", prefix);
        return new VitModel(scheme.Map(file.Tensors.Keys, prefix).ToDictionary(n => n.Key, n => file.ReadFloat(n.Value)), heads: 4);
    }
}
