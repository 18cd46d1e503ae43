using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>Every unit alike: fine-tuning without a mask. To be used with a keep ratio of 1.</summary>
public sealed class AllLocator : ILocator
{
    /// <inheritdoc/>
    public string Name => "all";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure)
    {
        float[] ones = new float[split.Space.Units];
        Array.Fill(ones, 1f);
        return new Mask(split.Space, ones);
    }
}
