using Retouch.Images;
using TorchSharp;

namespace Retouch.Tests.Images;

public class PreprocessingTests
{
    static readonly Preprocessing Tiny = Preprocessing.Inception(224, 0.9);

    [Theory]
    [InlineData(500, 375)]
    [InlineData(375, 500)]
    [InlineData(224, 224)]
    [InlineData(248, 249)]
    [InlineData(31, 200)]
    [InlineData(1000, 999)]
    public void applying_is_a_resize_of_the_shorter_side_and_a_centre_crop(int width, int height)
    {
        RgbImage image = TestImage.Noise(width, height);
        int longer = (int)(248.0 * Math.Max(width, height) / Math.Min(width, height));
        (int resizedWidth, int resizedHeight) = width <= height ? (248, longer) : (longer, 248);
        RgbImage whole = Resampler.Resize(image, resizedWidth, resizedHeight, Interpolation.Bicubic);
        int left = (int)Math.Round((resizedWidth - 224) / 2.0, MidpointRounding.ToEven);
        int top = (int)Math.Round((resizedHeight - 224) / 2.0, MidpointRounding.ToEven);

        RgbImage applied = Tiny.Apply(image);

        Assert.Equal(whole.Crop(new(left, top, 224, 224)).Pixels.ToArray(), applied.Pixels.ToArray());
    }

    [Theory]
    [InlineData(5, 0)] // 0.5 rounds to 0
    [InlineData(7, 2)] // 1.5 rounds to 2
    [InlineData(9, 2)] // 2.5 rounds to 2
    public void a_tie_of_the_crop_rounds_to_even(int width, int left)
    {
        RgbImage image = TestImage.Noise(width, 4);
        RgbImage applied = Preprocessing.Inception(4, 1).Apply(image);
        Assert.Equal(image.Crop(new(left, 0, 4, 4)).Pixels.ToArray(), applied.Pixels.ToArray());
    }

    [Fact]
    public void a_crop_above_one_frames_the_image_in_black()
    {
        RgbImage applied = Preprocessing.Inception(9, 1.5).Apply(TestImage.Flat(6, 6, 200));
        for (int y = 0; y < 9; y++)
        {
            for (int x = 0; x < 9; x++)
            {
                // Of the three spare pixels torchvision puts one before and two after.
                bool inside = x is >= 1 and < 7 && y is >= 1 and < 7;
                Assert.Equal(inside ? (200, 200, 200) : (0, 0, 0), TestImage.At(applied, x, y));
            }
        }
    }

    [Fact]
    public void a_hair_thin_image_takes_no_memory_for_what_is_cropped_away()
    {
        RgbImage hair = TestImage.Flat(1, 1_000_000, 90);
        long before = GC.GetAllocatedBytesForCurrentThread();
        RgbImage applied = Tiny.Apply(hair);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
        Assert.True(applied.Pixels.IndexOfAnyExcept((byte)90) < 0);
    }

    [Fact]
    public void a_tensor_holds_planes_of_normalized_channels()
    {
        Preprocessing two = Preprocessing.ImageNet(2, 1);
        RgbImage image = new(2, 2, (ReadOnlySpan<byte>)[255, 0, 51, 1, 2, 3, 4, 5, 6, 0, 128, 255]);
        using torch.Tensor tensor = two.ToTensor([TestImage.Flat(2, 2, 0), image]);

        Assert.Equal([2, 3, 2, 2], tensor.shape);
        Assert.Equal((1 - 0.485f) / 0.229f, tensor[1, 0, 0, 0].item<float>(), 1e-6f);
        Assert.Equal((0 - 0.456f) / 0.224f, tensor[1, 1, 0, 0].item<float>(), 1e-6f);
        Assert.Equal((0.2f - 0.406f) / 0.225f, tensor[1, 2, 0, 0].item<float>(), 1e-6f);
        Assert.Equal((1 / 255f - 0.485f) / 0.229f, tensor[1, 0, 0, 1].item<float>(), 1e-6f);
        Assert.Equal((6 / 255f - 0.406f) / 0.225f, tensor[1, 2, 1, 0].item<float>(), 1e-6f);
        Assert.Equal((1 - 0.406f) / 0.225f, tensor[1, 2, 1, 1].item<float>(), 1e-6f);
        Assert.Equal((0 - 0.485f) / 0.229f, tensor[0, 0, 1, 1].item<float>(), 1e-6f);
    }

    [Fact]
    public void normalizing_bytes_equals_the_tensor_of_the_image_to_the_bit()
    {
        Preprocessing preprocessing = Preprocessing.ImageNet(16, 0.875);
        RgbImage image = TestImage.Noise(16, 16);
        using torch.Tensor bytes = torch
            .tensor(image.Pixels.ToArray(), [1, 16, 16, 3], torch.ScalarType.Byte)
            .permute(0, 3, 1, 2);
        using torch.Tensor normalized = preprocessing.Normalize(bytes);
        using torch.Tensor direct = preprocessing.ToTensor(image);
        Assert.Equal(direct.data<float>().ToArray(), normalized.contiguous().data<float>().ToArray());
    }

    [Fact]
    public void tensors_of_other_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Tiny.ToTensor(TestImage.Flat(223, 224, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiny.ToTensor(Array.Empty<RgbImage>()));
        using torch.Tensor wrongType = torch.zeros(1, 3, 224, 224);
        Assert.Throws<ArgumentException>(() => Tiny.Normalize(wrongType));
        using torch.Tensor wrongShape = torch.zeros([1, 224, 224, 3], torch.ScalarType.Byte);
        Assert.Throws<ArgumentException>(() => Tiny.Normalize(wrongShape));
    }

    [Fact]
    public void it_reads_as_one_line() =>
        Assert.Equal(
            "resize shorter side to 248 bicubic, centre crop 224, mean 0.5 0.5 0.5, std 0.5 0.5 0.5",
            Tiny.ToString()
        );

    [Fact]
    public void json_has_timms_names_and_a_stable_text() =>
        Assert.Equal(
            """{"input_size":[3,224,224],"crop_pct":0.875,"interpolation":"bilinear","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}""",
            Preprocessing.ImageNet(224, 0.875, Interpolation.Bilinear).ToJson()
        );

    [Fact]
    public void json_round_trips_to_an_equal_value()
    {
        Preprocessing odd = new(37, 1 / 3.0, Interpolation.Bilinear, new(0.1, -2, 0.3), new(1e-3, 1, 7));
        Assert.Equal(odd, Preprocessing.FromJson(odd.ToJson()));
        Assert.NotEqual(odd, Preprocessing.FromJson((odd with { ImageSize = 38 }).ToJson()));
        Preprocessing turned = odd with { Orientation = ImageOrientation.Exif };
        Assert.Equal(turned, Preprocessing.FromJson(turned.ToJson()));
        Assert.DoesNotContain("orientation", odd.ToJson(), StringComparison.Ordinal);
        Assert.Contains(
            "orientation",
            Assert
                .Throws<BadInputException>(() =>
                    Preprocessing.FromJson(turned.ToJson().Replace("exif", "up", StringComparison.Ordinal))
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void a_whole_pretrained_cfg_of_timm_is_read()
    {
        Preprocessing read = Preprocessing.FromJson(
            """
            {"tag": "augreg_in21k_ft_in1k", "num_classes": 1000, "input_size": [3, 224, 224], "fixed_input_size": true, "pool_size": null,
             "crop_pct": 0.9, "crop_mode": "center", "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "first_conv": "patch_embed.proj"}
            """
        );
        Assert.Equal(Tiny, read);
    }

    [Theory]
    [InlineData("{", "not the JSON")]
    [InlineData("null", "not the JSON")]
    [InlineData("[]", "not the JSON")]
    [InlineData("{}", "input_size")]
    [InlineData(
        """{"input_size":[3,224,225],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""",
        "input_size"
    )]
    [InlineData(
        """{"input_size":[1,224,224],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""",
        "input_size"
    )]
    [InlineData(
        """{"input_size":[3,0,0],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""",
        "image size is 0"
    )]
    [InlineData("""{"input_size":[3,224,224],"interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""", "crop_pct")]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0,"interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""",
        "crop fraction is 0"
    )]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0.9,"crop_mode":"border","interpolation":"bicubic","mean":[0,0,0],"std":[1,1,1]}""",
        "crop_mode"
    )]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0.9,"interpolation":"lanczos","mean":[0,0,0],"std":[1,1,1]}""",
        "interpolation"
    )]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0],"std":[1,1,1]}""",
        "mean"
    )]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0,1e300],"std":[1,1,1]}""",
        "mean"
    )]
    [InlineData(
        """{"input_size":[3,224,224],"crop_pct":0.9,"interpolation":"bicubic","mean":[0,0,0],"std":[1,0,1]}""",
        "standard deviation is 1 0 1"
    )]
    public void unusable_json_is_refused_with_the_file_and_the_setting(string json, string named)
    {
        string message = Assert.Throws<BadInputException>(() => Preprocessing.FromJson(json, "config.json")).Message;
        Assert.StartsWith("config.json: ", message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_copy_with_a_bad_setting_is_refused_too()
    {
        Assert.Throws<BadInputException>(() => Tiny with { ImageSize = 8193 });
        Assert.Throws<BadInputException>(() => Tiny with { CropFraction = double.NaN });
        Assert.Throws<BadInputException>(() => Tiny with { Interpolation = (Interpolation)2 });
        Assert.Throws<BadInputException>(() => Tiny with { Mean = new(double.PositiveInfinity) });
        Assert.Throws<BadInputException>(() => Tiny with { Std = new(-1) });
    }
}
