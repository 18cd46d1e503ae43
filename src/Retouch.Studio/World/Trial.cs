using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.UseCases;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Studio.World;

/// <summary>An image that somebody brought, asked of the model with and without the ledger's patches.</summary>
static class Trial
{
    const int Side = 512;
    const int Likeliest = 5;

    /// <summary>Asks about it.</summary>
    /// <param name="world">The model.</param>
    /// <param name="bytes">The image's file.</param>
    /// <param name="name">What messages call it.</param>
    /// <returns>What the model says, what the edited one says (empty without a ledger), and a small copy.</returns>
    /// <exception cref="BadInputException">It is no image, or too large.</exception>
    public static (IReadOnlyList<ClassProbability> Before, IReadOnlyList<ClassProbability> After, byte[] Jpeg) Of(
        StudioWorld world,
        byte[] bytes,
        string name
    )
    {
        ModelFile file = world.Options.Model;
        RgbImage image = ImageDecoder.Decode(bytes, name, file.Preprocessing.Orientation);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor pixels = file.Preprocessing.ToTensor(file.Preprocessing.Apply(image));
        IReadOnlyList<ClassProbability> before = ClassProbability.Top(file.Model.Logits(pixels)[0], Likeliest);
        IReadOnlyList<ClassProbability> after = [];
        if (world.Options.Ledger is string path && File.Exists(path))
        {
            Ledger ledger = Ledger.Open(path);
            IReadOnlyList<LoadedPatch> patches = ledger.Load(ledger.State);
            try
            {
                if (patches.Count > 0)
                {
                    using VitModel edited = PatchLedger.Apply(file.Model, [.. patches.Select(p => p.Patch)]);
                    after = ClassProbability.Top(edited.Logits(pixels)[0], Likeliest);
                }
            }
            finally
            {
                foreach (LoadedPatch patch in patches)
                    patch.Dispose();
            }
        }
        return (before, after, Thumbnail.Jpeg(image, Side));
    }
}
