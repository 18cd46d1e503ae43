using Retouch.Editing;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// The images that earlier patches corrected, as a repair sees them: read again where they still lie, or as the patches
/// themselves remember them. Its tensors lie in the scope in which it was made.
/// </summary>
/// <param name="Images">What the last FFN gets of them, and their classes.</param>
/// <param name="Names">The patch and the name of each.</param>
sealed record RememberedImages(RepairImages Images, IReadOnlyList<(string Patch, string Name)> Names)
{
    /// <summary>Finds them.</summary>
    /// <param name="earlier">The patches.</param>
    /// <param name="given">Images that are looked at anyway, by their hashes, and left out.</param>
    /// <param name="paths">Where other images are at hand, by their hashes.</param>
    /// <param name="tokens">Reads images.</param>
    /// <param name="config">The model's architecture.</param>
    /// <param name="events">Told which are found nowhere.</param>
    public static RememberedImages Of(
        EarlierPatches earlier,
        IReadOnlySet<string> given,
        IReadOnlyDictionary<string, string> paths,
        RepairTokens tokens,
        VitConfig config,
        IUseCaseEvents events
    )
    {
        List<Tensor> known = [];
        List<int> labels = [];
        List<(string, string)> names = [];
        int lost = 0;
        foreach (EarlierImage image in earlier.Images(given))
        {
            if (((earlier.KeepPrefix ? image.Token() : null) ?? Read(image)) is not Tensor token)
            {
                lost++;
                continue;
            }
            known.Add(token);
            labels.Add(image.Label);
            names.Add((image.Patch, image.Name));
        }
        EarlierPatches.SayLost(lost, events);
        return new RememberedImages(
            new RepairImages(known.Count == 0 ? HeadTokens.None(config) : stack([.. known], 0), labels),
            names
        );

        Tensor? Read(EarlierImage image)
        {
            if ((paths.TryGetValue(image.Sha256, out string? here) ? here : image.Find()) is not string path)
                return null;
            (Tensor residuals, IReadOnlyList<int> loaded) = tokens.Read(null, [(path, image.Sha256)], []);
            return loaded.Count == 0 ? null : residuals[0];
        }
    }
}
