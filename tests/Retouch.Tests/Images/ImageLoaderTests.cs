using Retouch.Images;
using SkiaSharp;
using TorchSharp;

namespace Retouch.Tests.Images;

public class ImageLoaderTests
{
    [Fact]
    public void a_batch_keeps_the_order_of_its_paths()
    {
        using TempFolder folder = new();
        Preprocessing preprocessing = Preprocessing.Inception(8, 1);
        RgbImage[] images = [.. Enumerable.Range(0, 40).Select(i => TestImage.Flat(8 + i, 50 - i, (byte)(i * 6)))];
        string[] paths =
        [
            .. images.Select((image, i) => folder.Write($"{i}.png", TestImage.Encode(image, SKEncodedImageFormat.Png))),
        ];

        using torch.Tensor batch = ImageLoader.LoadBatch(paths, preprocessing);

        Assert.Equal([40, 3, 8, 8], batch.shape);
        using torch.Tensor expected = preprocessing.ToTensor([.. images.Select(preprocessing.Apply)]);
        Assert.True(batch.Equals(expected));
        Assert.Equal(5 * 6 / 255f * 2 - 1, batch[5, 1, 3, 3].item<float>(), 1e-6f);
    }

    [Fact]
    public void of_several_bad_files_the_first_is_reported_plainly()
    {
        using TempFolder folder = new();
        string good = folder.Write("good.png", TestImage.Encode(TestImage.Noise(40, 40), SKEncodedImageFormat.Png));
        string empty = folder.Write("empty.png", []);
        string[] paths =
        [
            .. Enumerable.Repeat(good, 20),
            empty,
            .. Enumerable.Repeat(Path.Combine(folder.Path, "missing.png"), 20),
        ];
        for (int i = 0; i < 10; i++)
        {
            BadInputException e = Assert.Throws<BadInputException>(() =>
                ImageLoader.LoadBatch(paths, Preprocessing.Inception(8, 1))
            );
            Assert.StartsWith($"{empty} is empty", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void batches_of_nothing_or_of_too_much_are_refused()
    {
        Assert.Throws<BadInputException>(() => ImageLoader.LoadBatch([], Preprocessing.Inception(8, 1)));
        string[] many = [.. Enumerable.Repeat("x.png", 20)];
        BadInputException e = Assert.Throws<BadInputException>(() =>
            ImageLoader.LoadBatch(many, Preprocessing.Inception(8192, 1))
        );
        Assert.Contains("at most 10 at a time", e.Message, StringComparison.Ordinal);
    }
}
