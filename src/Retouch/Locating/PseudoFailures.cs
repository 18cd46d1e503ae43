using System.Collections.Concurrent;
using Retouch.Data;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Locating;

/// <summary>
/// The endless sequence of CutMix pseudo-failures that a seed makes of unlabelled images. The k-th depends on
/// the seed, k and the images alone, so that it can be made anywhere and in any order. In each epoch every
/// image is used once, as an original or as the other. Safe to use from several threads.
/// </summary>
sealed class PseudoFailures
{
    const long Shuffle = 1;
    const long Pixels = 2;
    const long Logits = 3;
    const long Views = 5;

    readonly ImageFolders _images;
    readonly Preprocessing _preprocessing;
    readonly RandomResizedCrop _crop;
    readonly CutMix _mix;
    readonly int _units;
    readonly int _seed;
    readonly ConcurrentDictionary<long, int[]> _epochs = new();
    readonly ConcurrentDictionary<string, Problem> _skipped = new();

    /// <summary>Creates the sequence.</summary>
    /// <param name="images">The images; their order counts.</param>
    /// <param name="preprocessing">The model's; its size and kernel are those of the random crops, its orientation
    /// that of the images.</param>
    /// <param name="config">The model's.</param>
    /// <param name="space">Where edits may change it.</param>
    /// <param name="seed">What tells this sequence from others.</param>
    /// <param name="batch">
    /// The number of samples that a step of the published procedure takes, each of two images.
    /// </param>
    /// <exception cref="BadInputException">There are fewer than two images for each sample of a batch.</exception>
    public PseudoFailures(
        ImageFolders images,
        Preprocessing preprocessing,
        VitConfig config,
        EditSpace space,
        int seed,
        int batch = 8
    )
    {
        if (images.Paths.Count < 2 * batch)
            throw BadInput.Missing(
                null,
                $"There are {images.Paths.Count} images; a batch of {batch} samples needs {2 * batch}, two a sample. "
                    + "Give more images or a smaller batch."
            );
        (_images, _units, _seed) = (images, space.Units, seed);
        _preprocessing = preprocessing;
        _crop = new RandomResizedCrop(preprocessing.ImageSize, preprocessing.Interpolation);
        _mix = new CutMix(config.PatchSize);
    }

    /// <summary>Files that could not be decoded so far and why; the next image of the epoch took their place.</summary>
    public IReadOnlyDictionary<string, Problem> Skipped => _skipped;

    /// <summary>The sample of a number from 0 on.</summary>
    /// <param name="index">The number.</param>
    /// <param name="views">How many other views of it to make.</param>
    /// <exception cref="BadInputException">None of the images can be decoded.</exception>
    public PseudoFailure Create(long index, int views = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        int samples = _images.Paths.Count / 2;
        int[] order = _epochs.GetOrAdd(index / samples, Order);
        int first = 2 * (int)(index % samples);

        Random random = StableRandom.For(_seed, Pixels, index);
        (RgbImage one, RgbImage two) = (Decode(order, first), Decode(order, first + 1));
        RgbImage original = _crop.Apply(one, random);
        RgbImage other = _crop.Apply(two, random);
        Random logits = StableRandom.For(_seed, Logits, index);
        float[] start = new float[_units];
        for (int i = 0; i < start.Length; i++)
            start[i] = 2 * logits.NextSingle() - 1;
        RgbImage spoilt = _mix.Apply(original, other, random);
        Random view = StableRandom.For(_seed, Views, index);
        return new PseudoFailure(spoilt, original, other, start, [.. Enumerable.Range(0, views).Select(_ => View())]);

        (RgbImage, RgbImage) View()
        {
            RgbImage first = _crop.Apply(one, view);
            return (_mix.Apply(first, _crop.Apply(two, view), view), first);
        }
    }

    int[] Order(long epoch)
    {
        int[] order = [.. Enumerable.Range(0, _images.Paths.Count)];
        StableRandom.For(_seed, Shuffle, epoch).Shuffle(order);
        return order;
    }

    RgbImage Decode(int[] order, int place)
    {
        for (int i = 0; i < order.Length; i++)
        {
            string path = _images.Paths[order[(place + i) % order.Length]];
            if (_skipped.ContainsKey(path))
                continue;
            try
            {
                return _preprocessing.Open(path);
            }
            catch (BadInputException e)
            {
                _skipped[path] = e.Problem;
            }
        }
        Problem first = _skipped.Values.First();
        throw BadInput.Missing(
            null,
            $"None of the {order.Length} images can be decoded; the first: {first.Message}",
            first.Remedy
        );
    }
}
