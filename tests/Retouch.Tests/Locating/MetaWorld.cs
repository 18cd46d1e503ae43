using System.Security.Cryptography;
using Retouch.Data;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Tests.Images;
using Retouch.Vit;
using SkiaSharp;

namespace Retouch.Tests.Locating;

/// <summary>A tiny model and a folder of images to train a locator on.</summary>
sealed class MetaWorld : IDisposable
{
    public static readonly TargetMaskSettings Quick = new()
    {
        OuterSteps = 2,
        InnerSteps = 2,
        Batch = 2,
    };

    readonly TemporaryFolder _folder = new();

    public MetaWorld(int images = 9, VitConfig? config = null)
    {
        Model = config is null ? TinyVit.Create() : TinyVit.Of(config);
        Split = new SplitVit(Model);
        Directory.CreateDirectory(ImageRoot);
        for (int i = 0; i < images; i++)
        {
            byte[] pixels = new byte[20 * 16 * 3];
            new Random(i).NextBytes(pixels);
            File.WriteAllBytes(
                Path.Combine(ImageRoot, $"{i}.png"),
                TestImage.Encode(new RgbImage(20, 16, (ReadOnlySpan<byte>)pixels), SKEncodedImageFormat.Png)
            );
        }
    }

    public VitModel Model { get; }

    public SplitVit Split { get; }

    public string ImageRoot => _folder.File("images");

    public string Folder(string name) => _folder.File(name);

    public TargetBankFiller Filler(TargetMaskSettings? settings = null, int seed = 0) =>
        new(
            Split,
            ImageFolders.Open([ImageRoot]),
            Preprocessing.Inception(Model.Config.ImageSize, 1),
            settings ?? Quick,
            seed
        );

    public TargetBank Bank(string name, TargetBankFiller filler) =>
        TargetBank.OpenOrCreate(Folder(name), filler.Manifest);

    /// <summary>Every file of a bank by name and content.</summary>
    public string[] Contents(string bank) =>
        [
            .. Directory
                .EnumerateFiles(Folder(bank))
                .Order(StringComparer.Ordinal)
                .Select(f => $"{Path.GetFileName(f)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}"),
        ];

    public void Dispose()
    {
        Model.Dispose();
        _folder.Dispose();
    }
}
