using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

public sealed class SharedPrefixTests
{
    [Theory]
    [InlineData("blocks.2.mlp.fc1.weight", 2)]
    [InlineData("blocks.2.norm2.bias", 2)]
    [InlineData("blocks.2.attn.qkv.weight", 1)]
    [InlineData("blocks.2.norm1.weight", 1)]
    [InlineData("blocks.0.mlp.fc2.bias", 0)]
    [InlineData("blocks.0.attn.proj.weight", null)]
    [InlineData("pos_embed", null)]
    [InlineData("patch_embed.proj.weight", null)]
    [InlineData("head.weight", -1)]
    [InlineData("norm.bias", -1)]
    public void The_cut_is_before_the_first_FFN_that_a_change_can_reach(string tensor, int? block)
    {
        using VitModel model = TinyVit.Create(seed: 3);
        using VitModel other = Changed(model, tensor);
        int last = model.Config.Depth - 1;
        Assert.Equal(block == -1 ? last : block, SharedPrefix.Of(model, other)?.FirstBlock);
        Assert.Equal(last, SharedPrefix.Of(model, model)!.FirstBlock);

        if (SharedPrefix.Of(model, other) is not { } cut)
            return;
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(1, CPU);
        Tensor pixels = randn([3, 3, model.Config.ImageSize, model.Config.ImageSize], generator: generator);
        SplitVit before = new(model, cut);
        SplitVit after = new(other, cut);
        using PrefixState state = before.Prefix(pixels);
        using PrefixState rebased = after.Rebase(state);
        Assert.True(before.Logits(state).allclose(model.Logits(pixels), 1e-4, 1e-5));
        Assert.True(after.Logits(rebased).allclose(other.Logits(pixels), 1e-4, 1e-5));
        Assert.False(other.Logits(pixels).allclose(model.Logits(pixels), 1e-4, 1e-5));
    }

    [Fact]
    public void Models_of_other_shapes_share_nothing()
    {
        using VitModel model = TinyVit.Create(seed: 3);
        using VitModel other = TinyVit.Create(seed: 3, classes: model.Config.Classes + 1);
        Assert.Null(SharedPrefix.Of(model, other));
    }

    static VitModel Changed(VitModel model, string tensor)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(2, CPU);
        return new VitModel(
            model.Tensors.ToDictionary(
                t => t.Key,
                t => t.Key == tensor ? t.Value + randn(t.Value.shape, generator: generator) : t.Value.alias()
            ),
            model.Config.Traits
        );
    }
}
