using Retouch.Formats;
using Retouch.Images;
using Retouch.Pretraining;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Pretraining;

public sealed class PretrainingFamilyTests
{
    public static TheoryData<string> Families => [.. PretrainingFamilies.Names];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_familys_model_is_opened_from_its_file_alone(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        PretrainingSettings settings = new()
        {
            Family = family,
            Width = 24,
            Heads = 3,
            Depth = 2,
            MlpWidth = 32,
        };
        settings.Validate();
        VitConfig config = settings.Architecture(7);
        using VitModel model = TinyVit.Of(config);
        ModelFile.Create(
            folder.File("m.safetensors"),
            model.Tensors,
            config.Traits,
            Preprocessing.Inception(24, 1),
            new Dictionary<string, string>(),
            half: false,
            overwrite: false
        );
        using ModelFile file = ModelFile.Load(folder.File("m.safetensors"));
        Assert.Equal(config, file.Model.Config);
        Assert.Equal(model.Fingerprint, file.Model.Fingerprint);
        Tensor pixels = TinyVit.Pixels(model, 2);
        Assert.Equal(0, TinyVit.MaxDifference(model.Logits(pixels), file.Model.Logits(pixels)));
    }

    [Fact]
    public void A_family_that_there_is_not_is_refused_by_name() =>
        Assert.Contains(
            "resnet",
            Assert.Throws<BadInputException>(() => new PretrainingSettings { Family = "resnet" }.Validate()).Message,
            StringComparison.Ordinal
        );
}
