using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class HypernetworkTests
{
    [Fact]
    public void Masks_and_binary_masks_are_those_of_the_authors_code()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = SharedData.Require("golden", "reference", "hypernetwork.safetensors");
        using Hypernetwork network = HypernetworkFile.Load(path);
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.Equal((3, 6, 6), (network.Blocks, network.Heads, network.Matrices));

        Tensor masks = network.Forward(file.ReadFloat("cls_feature").squeeze(1));
        Assert.True(TinyVit.MaxDifference(masks, file.ReadFloat("masks")) < 1e-5);

        EditSpace space = new(
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
            7,
            3
        );
        Mask mean = new(space, masks.mean([0]).reshape(-1).data<float>().ToArray());
        foreach (
            (double keep, string name) in ((double, string)[])
                [(0.5, "mean_mask_keep50"), (0.25, "mean_mask_keep25"), (0.05, "mean_mask_keep05")]
        )
        {
            float[] expected = file.ReadFloat(name).reshape(-1).data<float>().ToArray();
            UnitSelection units = mean.Keep(keep);
            float[] actual = new float[space.Units];
            for (int m = 0; m < space.Matrices; m++)
            {
                foreach (int unit in units[m])
                    actual[m * space.Hidden + unit] = 1;
            }
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_balanced_hypernetwork_keeps_as_many_units_of_each_matrix()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        using Hypernetwork network = Hypernetwork.Create(
            split.Space,
            blocks: 1,
            heads: 3,
            mlpWidth: null,
            seed: 1,
            balanced: true
        );
        UnitSelection units = new HypernetworkLocator(network).Locate(split, new Failure(state, 0)).Keep(0.25);
        Assert.All(Enumerable.Range(0, split.Space.Matrices), m => Assert.InRange(units[m].Length, 8, 10));

        // Within a matrix they are the ones with the largest values.
        float[] values = network.Forward(split.ClassFeatures(state))[0, 2].data<float>().ToArray();
        Assert.Equal(
            units[2].ToArray(),
            Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).Take(units[2].Length).Order()
        );
    }

    [Fact]
    public void A_hypernetwork_that_sees_the_error_tells_labels_apart()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        foreach (LocatorInput input in Enum.GetValues<LocatorInput>())
        {
            using Hypernetwork network = Hypernetwork.Create(
                split.Space,
                blocks: 1,
                heads: 3,
                mlpWidth: null,
                seed: 1,
                input
            );
            HypernetworkLocator locator = new(network);
            bool same = locator
                .Locate(split, new Failure(state, 0))
                .Values.SequenceEqual(locator.Locate(split, new Failure(state, 1)).Values);
            Assert.Equal(input == LocatorInput.Feature, same);
        }
    }
}
