using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// What a part of a mining found: mistakes that are not grouped yet, since a group's images may lie in several parts.
/// On disk a small JSON file. Immutable.
/// </summary>
public sealed record MiningPart
{
    /// <summary>What such a file says that it is.</summary>
    internal const string Format = "retouch-benchmark-part";

    const int Version = 1;
    const int MaxLength = 64 << 20;

    /// <summary>Which part it is.</summary>
    public required Shard Shard { get; init; }

    /// <summary>
    /// What names the whole: SHA-256 over the model, how images become pixels, the settings, and each image's path,
    /// length and classes.
    /// </summary>
    public required string Run { get; init; }

    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>What is kept of the whole.</summary>
    public required MiningSettings Settings { get; init; }

    /// <summary>The images of all parts whose class is known, whether or not they can be decoded.</summary>
    public required int Labelled { get; init; }

    /// <summary>The labelled images that the model was asked about in this part.</summary>
    public required int Images { get; init; }

    /// <summary>How many of them it gets right.</summary>
    public required int Right { get; init; }

    /// <summary>How many images that edits should leave alone the model was asked about in this part.</summary>
    public int LocalityImages => Locality.Count;

    /// <summary>Folders and images that were left out, each with the reason.</summary>
    public required IReadOnlyList<Problem> Skipped { get; init; }

    internal IReadOnlyList<MinedFailure> Failures { get; init; } = [];

    internal string? LocalityFolder { get; init; }

    internal IReadOnlyList<MinedLocality> Locality { get; init; } = [];

    /// <summary>Groups the mistakes of all parts: what one run over all images would have found.</summary>
    /// <param name="parts">All parts of one mining, each once, in any order.</param>
    /// <returns>
    /// The benchmark, which has no groups where the model gets everything right or none is large enough.
    /// </returns>
    /// <exception cref="BadInputException">The parts are of different minings.</exception>
    public static MiningResult Merge(IReadOnlyList<MiningPart> parts)
    {
        if (parts.FirstOrDefault(p => p.Run != parts[0].Run) is { } other)
            throw BadInput.Mismatch(
                null,
                $"Part {other.Shard} is of the mining {other.Run}, but part {parts[0].Shard} of {parts[0].Run}: the "
                    + "model, the images or a setting differs."
            );
        MiningSettings settings = parts[0].Settings;
        // By where they are: there may be many, which a part makes when they are asked for.
        Dictionary<(string Source, string Class, int Wrong), List<(int Part, int At)>> failures = [];
        foreach ((int number, MiningPart part) in parts.Index())
        {
            foreach ((int at, MinedFailure f) in part.Failures.Index())
            {
                (string, string, int) key = (f.Source, f.Class, f.Wrong);
                if (!failures.TryGetValue(key, out List<(int, int)>? group))
                    failures[key] = group = [];
                group.Add((number, at));
            }
        }
        FailureGroup[] groups =
        [
            .. failures
                .Where(f => f.Value.Count >= settings.MinImages)
                .OrderBy(f => f.Key.Source, StringComparer.Ordinal)
                .ThenBy(f => f.Key.Class, StringComparer.Ordinal)
                .ThenBy(f => f.Key.Wrong)
                .Select(f => new FailureGroup(
                    f.Key.Source,
                    f.Key.Class,
                    At(f.Value[0]).Accepted,
                    f.Key.Wrong,
                    Sorted(f.Value)
                )),
        ];
        // Of folders every part says the same.
        List<Problem> skipped = parts is [{ } only]
            ? [.. only.Skipped]
            : [.. parts.SelectMany(p => p.Skipped).DistinctBy(p => p.Message)];
        Benchmark benchmark = new()
        {
            ModelFingerprint = parts[0].Model,
            Groups = groups,
            Locality = Once(parts.SelectMany(p => p.Locality), parts[0].LocalityFolder, skipped),
            SensitiveMargin = settings.Margin,
        };
        return new MiningResult(
            benchmark,
            parts.Sum(p => p.Images),
            parts.Sum(p => p.Right),
            failures.Count - groups.Length,
            skipped
        )
        {
            Labelled = parts[0].Labelled,
        };

        MinedFailure At((int Part, int At) where) => parts[where.Part].Failures[where.At];

        ListView<BenchmarkImage> Sorted(List<(int Part, int At)> group)
        {
            (int, int)[] order =
            [
                .. group
                    .Select(where => (Where: where, At(where).Path, At(where).Place))
                    .OrderBy(i => i.Path, StringComparer.Ordinal)
                    .ThenBy(i => i.Place)
                    .Select(i => i.Where),
            ];
            return new ListView<BenchmarkImage>(
                order.Length,
                i =>
                {
                    MinedFailure failure = At(order[i]);
                    return new BenchmarkImage(failure.Path, failure.Sha256);
                }
            );
        }
    }

    /// <summary>Writes the part, atomically, and beside it its sum (<c>.sha256</c>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Whether one that is there may be replaced.</param>
    /// <exception cref="BadInputException">It cannot be written.</exception>
    public void Save(string path, bool overwrite)
    {
        Document document = new(
            Format,
            Version,
            Shard.Index,
            Shard.Count,
            Run,
            Model,
            Settings.MinImages,
            Settings.Margin,
            Labelled,
            Images,
            Right,
            Failures,
            LocalityFolder,
            Locality,
            [.. Skipped.Select(p => p.Message)]
        );
        // Before the part, so that no other part's sum ever lies beside it.
        if (overwrite)
            PartSum.Forget(path);
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                JsonSerializer.Serialize(stream, document, EvaluationJson.Line.MiningPartDocument);
                stream.WriteByte((byte)'\n');
            }
        );
        PartSum.Write(path);
    }

    /// <summary>Reads a part.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is no part of a mining.</exception>
    public static MiningPart Load(string path)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        Document d;
        try
        {
            d =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.MiningPartDocument)
                ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw Damaged(JsonPlace.Describe(e, text.Span), e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw Damaged("a text in it is not valid Unicode", e);
        }
        if (d.Format != Format || d.Version != Version)
            throw BadInput.Unsupported(path, $"{path} is no part of a mining of version {Version}.");
        bool fits =
            d.Shards is >= 1 and <= Shard.Most
            && d.Shard >= 0
            && d.Shard < d.Shards
            && d.Min >= MiningSettings.FewestImages
            && d.Margin is >= 0 and <= 1
            && d.Right >= 0
            && d.Images - d.Right == d.Failures.Count
            && d.Images <= d.Labelled
            && d.Failures.All(f => f is { Accepted.Count: > 0 })
            && d.Locality.All(l => l is { Image: not null })
            && !d.Skipped.Contains(null!);
        return fits
            ? new MiningPart
            {
                Shard = new Shard(d.Shard, d.Shards),
                Run = d.Run,
                Model = d.Model,
                Settings = new MiningSettings { MinImages = d.Min, Margin = d.Margin },
                Labelled = d.Labelled,
                Images = d.Images,
                Right = d.Right,
                Failures = d.Failures,
                LocalityFolder = d.LocalityFolder,
                Locality = d.Locality,
                Skipped = [.. d.Skipped.Select(s => new Problem(s))],
            }
            : throw Damaged("its numbers do not fit", null);

        BadInputException Damaged(string why, Exception? cause) =>
            BadInput.Damaged(path, $"{path} is not the JSON of a part of a mining: {why}.", cause: cause);
    }

    /// <summary>What names a mining.</summary>
    internal static string Name(
        VitModel model,
        Preprocessing preprocessing,
        LabelledImages labelled,
        ImageFolder? locality,
        MiningSettings settings
    )
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(model.Fingerprint);
        Add(preprocessing.ToJson());
        Add(string.Create(CultureInfo.InvariantCulture, $"{settings.MinImages} {settings.Margin:R}"));
        foreach (Labelled l in labelled)
        {
            Add(string.Join(' ', l.Accepted.Select(a => a.ToString(CultureInfo.InvariantCulture))));
            Add(l.Source);
            Add(l.Class);
            AddFile(l.Path, l.FullPath);
        }
        foreach (string file in locality?.Files ?? [])
            AddFile(file, locality!.FullPath(file));
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        // Contents would have to be read twice, and those of mistakes have their hash in the benchmark.
        void AddFile(string path, string full)
        {
            FileInfo file = new(full);
            Add(path);
            Add(file.Exists ? file.Length.ToString(CultureInfo.InvariantCulture) : "none");
        }

        void Add(string text)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            hash.AppendData([0]);
        }
    }

    /// <summary>The images, each content once.</summary>
    /// <param name="images">All images, in any order.</param>
    /// <param name="folder">Their folder, for what is said of copies.</param>
    /// <param name="skipped">Told how many are copies.</param>
    internal static List<LocalityImage> Once(IEnumerable<MinedLocality> images, string? folder, List<Problem> skipped)
    {
        MinedLocality[] all = [.. images.OrderBy(i => i.Place)];
        List<LocalityImage> kept = [.. all.Select(i => i.Image).DistinctBy(i => i.Sha256)];
        int copies = all.Length - kept.Count;
        if (copies > 0)
            skipped.Add(
                new Problem(
                    $"Of {folder} {copies} {(copies == 1 ? "file is a copy" : "files are copies")} of others, by "
                        + "content; each image counts once."
                )
            );
        return kept;
    }

    internal sealed record Document(
        string Format,
        int Version,
        int Shard,
        int Shards,
        string Run,
        string Model,
        int Min,
        double Margin,
        int Labelled,
        int Images,
        int Right,
        IReadOnlyList<MinedFailure> Failures,
        string? LocalityFolder,
        IReadOnlyList<MinedLocality> Locality,
        IReadOnlyList<string> Skipped
    );
}
