using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>
/// The images of a check, each to be asked about once, and the sets of them that criteria are about. Immutable.
/// </summary>
sealed class CheckListing
{
    readonly List<string> _paths = [];
    readonly Dictionary<string, int> _places = [];

    /// <summary>Lists a check's images.</summary>
    /// <param name="request">Which.</param>
    /// <param name="labels">The names of the model's classes.</param>
    /// <exception cref="BadInputException">
    /// A folder, a list or the mapping cannot be read, an image or a class is not there, or an image is there twice.
    /// </exception>
    public CheckListing(CheckRequest request, LabelSet labels)
    {
        List<Problem> skipped = [];
        ClassFolders classes = ClassFolders.Of(request.Accepted, labels);
        CheckCriteria criteria = request.Criteria;
        Images = In(request.Images)!;
        TakenByName = classes.TakenByName(Images.Select(i => i.Image.Class));
        FixedAmong = In(criteria.FixedAmong);
        MustBeRight = In(criteria.MustBeRight);
        if (criteria.MinFixed > FixedAmong?.Count)
            throw BadInput.OutOfRange(
                null,
                $"{criteria.MinFixed} images are to be fixed among {FixedAmong.Count}; ask for fewer."
            );
        if (criteria.Locality is string folder)
        {
            ImageFolder locality = ImageFolder.Open(folder);
            skipped.AddRange(locality.LeftOut.Select(why => new Problem(why)));
            Locality = [.. locality.Files.Select(f => Place(Path.GetFullPath(locality.FullPath(f))))];
        }
        Skipped = [.. skipped.DistinctBy(p => p.Message)];

        IReadOnlyList<(Labelled Image, int Place)>? In(IReadOnlyList<string> sources) =>
            sources.Count == 0
                ? null
                :
                [
                    .. LabelledSources
                        .In(sources, request.Roots, classes, labels.Count, skipped)
                        .Select(i => (i, Place(i.FullPath))),
                ];
    }

    /// <summary>The files, each once.</summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>What to say of classes that are called by numbers of others; null for nothing.</summary>
    public string? TakenByName { get; }

    /// <summary>The images of the check itself, each with the place of its file.</summary>
    public IReadOnlyList<(Labelled Image, int Place)> Images { get; }

    /// <summary>Those of which some are to be fixed; null where none are named.</summary>
    public IReadOnlyList<(Labelled Image, int Place)>? FixedAmong { get; }

    /// <summary>Those that are to be right without exception; null where none are named.</summary>
    public IReadOnlyList<(Labelled Image, int Place)>? MustBeRight { get; }

    /// <summary>The places of the files whose predictions are to stay; null where none are named.</summary>
    public IReadOnlyList<int>? Locality { get; }

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>
    /// What names a check of models on these files: SHA-256, in lower-case hexadecimal, over the models, how images
    /// become pixels, and each file's path and length.
    /// </summary>
    /// <param name="models">What names the models and how images become their pixels.</param>
    public string Digest(IReadOnlyList<string> models)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in models)
            Add(text);
        foreach (string path in _paths)
        {
            FileInfo file = new(path);
            Add(path);
            Add(file.Exists ? file.Length.ToString(CultureInfo.InvariantCulture) : "none");
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string text)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            hash.AppendData([0]);
        }
    }

    /// <summary>A set's images with what was said of them, without those that cannot be decoded.</summary>
    public static CheckedImage[] Answered(
        IReadOnlyList<(Labelled Image, int Place)> images,
        IReadOnlyList<ComparedAnswer> answers
    ) =>
        [
            .. images
                .Where(i => answers[i.Place].After is not null)
                .Select(i => new CheckedImage(
                    $"{i.Image.Source}/{i.Image.Class}",
                    i.Image.Accepted,
                    i.Image.Path,
                    i.Image.FullPath,
                    answers[i.Place].After!,
                    answers[i.Place].Before
                )),
        ];

    int Place(string path)
    {
        if (!_places.TryGetValue(path, out int place))
        {
            _places[path] = place = _paths.Count;
            _paths.Add(path);
        }
        return place;
    }
}
