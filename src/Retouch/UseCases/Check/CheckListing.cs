using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>
/// The images of a check, each to be asked about once, and the sets of them that criteria are about. Immutable.
/// </summary>
sealed class CheckListing
{
    readonly LabelledImages _images;
    readonly List<string> _others = [];

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
        _images = In(request.Images)!;
        LabelledImages? fixedAmong = In(criteria.FixedAmong);
        LabelledImages? mustBeRight = In(criteria.MustBeRight);
        ImageFolder? locality = criteria.Locality is string folder ? ImageFolder.Open(folder) : null;
        skipped.AddRange((locality?.LeftOut ?? []).Select(why => new Problem(why)));
        string[] elsewhere = [.. (locality?.Files ?? []).Select(f => Path.GetFullPath(locality!.FullPath(f)))];
        // Of the images of the check, which may be millions, only those are looked up that other sets name.
        Dictionary<string, int> places = [];
        foreach (string path in (fixedAmong?.FullPaths ?? []).Concat(mustBeRight?.FullPaths ?? []).Concat(elsewhere))
            places.TryAdd(path, -1);
        if (places.Count > 0)
        {
            foreach ((int place, Labelled image) in _images.Index())
                if (places.ContainsKey(image.FullPath))
                    places[image.FullPath] = place;
        }
        Images = new CheckSet(_images, null);
        TakenByName = classes.TakenByName(_images.Classes);
        FixedAmong = Set(fixedAmong);
        MustBeRight = Set(mustBeRight);
        Locality = locality is null ? null : [.. elsewhere.Select(Place)];
        if (criteria.MinFixed > FixedAmong?.Images.Count)
            throw BadInput.OutOfRange(
                null,
                $"{criteria.MinFixed} images are to be fixed among {FixedAmong.Images.Count}; ask for fewer."
            );
        Skipped = [.. skipped.DistinctBy(p => p.Message)];

        LabelledImages? In(IReadOnlyList<string> sources) =>
            sources.Count == 0 ? null : LabelledSources.In(sources, request.Roots, classes, labels.Count, skipped);

        CheckSet? Set(LabelledImages? images) =>
            images is null ? null : new CheckSet(images, [.. images.FullPaths.Select(Place)]);

        int Place(string path)
        {
            if (places[path] is >= 0 and int known)
                return known;
            _others.Add(path);
            return places[path] = _images.Count + _others.Count - 1;
        }
    }

    /// <summary>The files, each once.</summary>
    public IReadOnlyList<string> Paths =>
        new ListView<string>(
            _images.Count + _others.Count,
            i => i < _images.Count ? _images[i].FullPath : _others[i - _images.Count]
        );

    /// <summary>What to say of classes that are called by numbers of others; null for nothing.</summary>
    public string? TakenByName { get; }

    /// <summary>The images of the check itself, each with the place of its file.</summary>
    public CheckSet Images { get; }

    /// <summary>Those of which some are to be fixed; null where none are named.</summary>
    public CheckSet? FixedAmong { get; }

    /// <summary>Those that are to be right without exception; null where none are named.</summary>
    public CheckSet? MustBeRight { get; }

    /// <summary>The places of the files whose predictions are to stay; null where none are named.</summary>
    public IReadOnlyList<int>? Locality { get; }

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>
    /// What names a check of models on these files: SHA-256, in lower-case hexadecimal, over the models, how images
    /// become pixels, and each file's length in their order; where they lie is no part of it, and of what was answered
    /// the answers have the hashes.
    /// </summary>
    /// <param name="models">What names the models and how images become their pixels.</param>
    public string Digest(IReadOnlyList<string> models)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in models)
            Add(text);
        foreach (string path in Paths)
        {
            FileInfo file = new(path);
            Add(file.Exists ? file.Length.ToString(CultureInfo.InvariantCulture) : "none");
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string text)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            hash.AppendData([0]);
        }
    }
}
