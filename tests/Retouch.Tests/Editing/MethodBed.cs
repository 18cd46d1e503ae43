using Retouch.Data;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Tests.Images;
using Retouch.Vit;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

/// <summary>A tiny model that is cut early, a failure of it, and a folder of ordinary images.</summary>
sealed class MethodBed : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly DisposeScope _scope = NewDisposeScope();

    public MethodBed(int images = 12, int first = 1, int blocks = 2, VitConfig? config = null)
        : this(config is null ? TinyVit.Create(depth: 5) : TinyVit.Of(config), images, first, blocks) { }

    /// <summary>The same of a model, which the bed owns.</summary>
    public MethodBed(VitModel model, int images, int first, int blocks)
    {
        Model = model;
        Split = new SplitVit(Model, new EditSpace(Model.Config, first, blocks));
        string ordinary = Directory.CreateDirectory(_folder.File("images")).FullName;
        for (int i = 0; i < images; i++)
        {
            byte[] pixels = new byte[20 * 16 * 3];
            new Random(i).NextBytes(pixels);
            File.WriteAllBytes(
                Path.Combine(ordinary, $"{i:00}.png"),
                TestImage.Encode(new RgbImage(20, 16, (ReadOnlySpan<byte>)pixels), SKEncodedImageFormat.Png)
            );
        }
        Images = new PreparationImages(
            ImageFolders.Open([ordinary]),
            Preprocessing.Inception(Model.Config.ImageSize, 1)
        );
        Pixels = TinyVit.Pixels(Model, 1);
        State = Split.Prefix(Pixels);
        Label = (int)Split.Logits(State).argmin(1).item<long>();
    }

    public VitModel Model { get; }

    public SplitVit Split { get; }

    public PreparationImages Images { get; }

    public Tensor Pixels { get; }

    public PrefixState State { get; }

    public int Label { get; }

    public Failure Failure => new(State, Label);

    public string FilePath(string name) => _folder.File(name);

    public Preparation Prepare(IPreparation preparation) => preparation.Prepare(Split, Images);

    public Tensor OrdinaryPixels() => ImageLoader.LoadBatch(Images.Folders.Paths, Images.Preprocessing);

    /// <summary>The cross-entropy of the failure under an edit.</summary>
    public double Loss(ModelDelta? change) => -log_softmax(Split.Logits(State, change), 1)[0, Label].item<float>();

    /// <summary>What fc1 of a block reads, <c>[N,T,D]</c>, computed by the plain parts alone.</summary>
    public Tensor Read(Tensor pixels, int block)
    {
        using PrefixState state = new SplitVit(Model, new EditSpace(Model.Config, block, 1)).Prefix(pixels);
        return layer_norm(
            state.Residual,
            [Model.Config.Width],
            Weight(block, "norm2.weight"),
            Weight(block, "norm2.bias"),
            1e-6
        );
    }

    /// <summary>A block's keys, <c>[N,T,H]</c>.</summary>
    public Tensor Keys(Tensor pixels, int block) =>
        gelu(linear(Read(pixels, block), Weight(block, "mlp.fc1.weight"), Weight(block, "mlp.fc1.bias")));

    public Tensor Weight(int block, string name) => Model.Tensors[VitNames.Block(block, name)];

    public void Dispose()
    {
        State.Dispose();
        Model.Dispose();
        _scope.Dispose();
        _folder.Dispose();
    }
}
