using System.Buffers.Binary;
using System.Text.Json;
using Retouch.Images;
using TorchSharp;

namespace Retouch.Tests.Images;

public class GoldenPixelsTests(ITestOutputHelper output)
{
    const int Side = 224;

    [Fact]
    public void the_photos_become_the_pixels_that_timm_gives()
    {
        (string[] files, byte[] golden) = ReadGolden();
        Preprocessing preprocessing = Preprocessing.Inception(Side, 0.9);
        int differing = 0;
        int worst = 0;
        for (int n = 0; n < files.Length; n++)
        {
            RgbImage image = preprocessing.Apply(ImageDecoder.Load(SharedData.Require("real", files[n])));
            for (int i = 0; i < image.Pixels.Length; i++)
            {
                int difference = Math.Abs(
                    image.Pixels[i] - golden[n * image.Pixels.Length + i % 3 * Side * Side + i / 3]
                );
                differing += difference > 0 ? 1 : 0;
                worst = Math.Max(worst, difference);
            }
        }
        output.WriteLine(
            $"{differing} of {golden.Length} values differ ({100.0 * differing / golden.Length} %), by {worst} at most"
        );
        Assert.Equal(12, files.Length);
        // The agreed bounds. Nothing differs with the Skia of today; another JPEG decoder may round elsewhere.
        Assert.InRange(worst, 0, 1);
        Assert.InRange((double)differing / golden.Length, 0, 0.005);
    }

    [Fact]
    public void the_loaded_batch_is_the_normalized_golden_pixels()
    {
        (string[] files, byte[] golden) = ReadGolden();
        Preprocessing preprocessing = Preprocessing.Inception(Side, 0.9);
        using torch.Tensor bytes = torch.tensor(golden, [files.Length, 3, Side, Side], torch.ScalarType.Byte);
        using torch.Tensor expected = preprocessing.Normalize(bytes);

        using torch.Tensor batch = ImageLoader.LoadBatch(
            [.. files.Select(file => SharedData.Require("real", file))],
            preprocessing
        );

        Assert.Equal([12, 3, Side, Side], batch.shape);
        using torch.Tensor distance = (batch - expected).abs();
        Assert.InRange(distance.max().item<float>(), 0, 1.001f / 255 / 0.5f);
        Assert.InRange(distance.mean().item<float>(), 0, 0.005f / 255 / 0.5f);
    }

    static (string[] Files, byte[] Pixels) ReadGolden()
    {
        byte[] file = File.ReadAllBytes(SharedData.Require("golden", "vit_tiny_timm.safetensors"));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using JsonDocument header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        string files = header.RootElement.GetProperty("__metadata__").GetProperty("files").GetString()!;
        JsonElement offsets = header.RootElement.GetProperty("pixels_u8").GetProperty("data_offsets");
        int start = 8 + headerLength;
        return (
            JsonSerializer.Deserialize<string[]>(files)!,
            file[(start + offsets[0].GetInt32())..(start + offsets[1].GetInt32())]
        );
    }
}
