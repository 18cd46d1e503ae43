using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>
/// Which of a check's images a part of it asks about: whole batches, every n-th, so that each image is asked about as
/// it would be in one run, to the bit. Immutable.
/// </summary>
/// <param name="Images">The images of the whole check.</param>
/// <param name="Together">How many are asked about at once.</param>
/// <param name="Shard">The part.</param>
sealed record CheckPlaces(int Images, int Together, Shard Shard)
{
    /// <summary>How many images are this part's.</summary>
    public int Count { get; } =
        Enumerable
            .Range(0, (Images + Together - 1) / Together)
            .Where(Shard.Has)
            .Sum(b => Math.Min(Together, Images - b * Together));

    /// <summary>The place, among all images, of one of this part's.</summary>
    /// <param name="number">Its number within the part.</param>
    public int Of(int number) => (number / Together * Shard.Count + Shard.Index) * Together + number % Together;

    /// <summary>Whether so many images from the first on are whole batches.</summary>
    public bool EndsBatch(int count) => count % Together == 0 || count == Count;
}
