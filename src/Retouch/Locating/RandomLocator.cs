using Retouch.Vit;

namespace Retouch.Locating;

/// <summary>Scores drawn uniformly from [0,1): the paper's control for a mask of the same size. The same seed gives the same mask.</summary>
public sealed class RandomLocator(int seed) : ILocator
{
    /// <inheritdoc/>
    public string Name => "random";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure)
    {
        Random random = new(seed);
        float[] values = new float[split.Space.Units];
        for (int i = 0; i < values.Length; i++)
            values[i] = random.NextSingle();
        return new Mask(split.Space, values);
    }
}
