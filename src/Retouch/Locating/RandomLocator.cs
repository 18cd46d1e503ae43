using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>
/// Scores drawn uniformly from [0,1): the paper's control for a mask of the same size. The same seed gives the same
/// mask.
/// </summary>
/// <param name="seed">The seed.</param>
/// <param name="anewForEachFailure">
/// Whether the seed is mixed with the hashes of a failure's images, so that failures get masks of their own,
/// which do not depend on what is edited beside them.
/// </param>
public sealed class RandomLocator(int seed, bool anewForEachFailure = false) : ILocator
{
    /// <inheritdoc/>
    public string Name => "random";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure)
    {
        Random random = new(anewForEachFailure ? Mixed(failure) : seed);
        float[] values = new float[split.Space.Units];
        for (int i = 0; i < values.Length; i++)
            values[i] = random.NextSingle();
        return new Mask(split.Space, values);
    }

    int Mixed(Failure failure)
    {
        string text = string.Join('\n', failure.Images.Select(i => i.Sha256).Prepend($"{seed}"));
        return BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
