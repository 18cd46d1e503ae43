using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Retouch.Data;

namespace Retouch.Benchmarks;

/// <summary>
/// Images of any kind, without labels, among which those are sought that a model is unsure of: on such images alone
/// "Learning Where to Edit Vision Transformers" measures locality. Each counts once by its bytes, whatever it is called
/// and however often it is there. Immutable.
/// </summary>
public sealed class SensitiveCandidates
{
    readonly Lazy<CandidateImage[]> _images;
    readonly Lazy<string> _digest;

    SensitiveCandidates(IReadOnlyList<ImageFolder> folders, double margin)
    {
        Margin = margin;
        Files = folders.Sum(f => f.Files.Count);
        Skipped = [.. folders.SelectMany(f => f.LeftOut).Select(why => new Problem(why))];
        _images = new(() =>
            [
                .. folders
                    .SelectMany(f => f.Files.Select(file => (File: file, Path: f.FullPath(file))))
                    .Select(f => new CandidateImage(f.File, ImageRoots.Hash(f.Path), f.Path))
                    .DistinctBy(i => i.Sha256),
            ]
        );
        _digest = new(() =>
            Convert.ToHexStringLower(
                SHA256.HashData(
                    Encoding.UTF8.GetBytes(
                        string.Join(
                            '\n',
                            Images
                                .Select(i => i.Sha256)
                                .Order(StringComparer.Ordinal)
                                .Prepend(Margin.ToString("R", CultureInfo.InvariantCulture))
                        )
                    )
                )
            )
        );
    }

    /// <summary>An image is sensitive where its two largest probabilities differ by less than this, in [0,1].</summary>
    public double Margin { get; }

    /// <summary>The number of files, of which several may be one image.</summary>
    public int Files { get; }

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>The images, in the order of their folders; their hashes are read on first use.</summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public IReadOnlyList<CandidateImage> Images => _images.Value;

    /// <summary>
    /// SHA-256 over the images' hashes and the margin, in lower-case hexadecimal: the same images agree, wherever they
    /// lie.
    /// </summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public string Digest => _digest.Value;

    /// <summary>Lists the images of folders.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="margin">Below which margin an image is sensitive, in [0,1].</param>
    /// <exception cref="BadInputException">The margin is out of range.</exception>
    public static SensitiveCandidates In(
        IReadOnlyList<ImageFolder> folders,
        double margin = MiningSettings.PublishedMargin
    )
    {
        new MiningSettings { Margin = margin }.Validate();
        return new SensitiveCandidates(folders, margin);
    }
}
