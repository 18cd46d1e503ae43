using System.Globalization;

namespace Retouch.UseCases;

/// <summary>What an edit's method learned from some of the locality images. Immutable.</summary>
/// <param name="Kind">What it is, <see cref="Locating.Preparation.Kind"/>.</param>
/// <param name="Images">The number of images that it was learned from.</param>
/// <param name="Of">The number of locality images in all.</param>
/// <param name="Source">SHA-256 over the contents of the images that were given to it.</param>
/// <param name="AreApart">
/// Whether locality is measured on none of them; not where there are too few to be divided, so that it flatters.
/// </param>
/// <param name="WereKept">Whether they were there already, from an earlier edit.</param>
public sealed record EditStatistics(string Kind, int Images, int Of, string Source, bool AreApart, bool WereKept)
{
    /// <summary>
    /// From how many locality images on the method learns from one half and the other is measured: in each an image is
    /// two per cent at most.
    /// </summary>
    public const int Fewest = 100;

    /// <summary>What they are, as a patch's provenance states it: the same whether they were kept or made.</summary>
    internal string Described =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Kind} from {Images} of {Of} locality images, {(AreApart ? "the others measured" : "all measured")}, "
                + $"SHA-256 {Source}"
        );
}
