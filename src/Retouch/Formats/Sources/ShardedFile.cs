using System.Text.Json;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A model in several files, with the index that transformers writes: which tensor is in which file.</summary>
sealed class ShardedFile : ITensorSource
{
    const int LongestIndex = 64 << 20;
    const int MostShards = 1000;

    readonly Dictionary<string, ITensorSource> _shardOf = new(StringComparer.Ordinal);
    readonly List<ITensorSource> _shards = [];
    readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);

    ShardedFile(string path) => Path = path;

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    IReadOnlyList<string> ITensorSource.Files => [Path, .. _shards.SelectMany(s => s.Files)];

    /// <inheritdoc/>
    public long Length => _shards.Sum(s => s.Length);

    /// <inheritdoc/>
    public string Kind => $"{_shards[0].Kind}, {_shards.Count} files";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Opens an index and every file that it names, which lie beside it.</summary>
    /// <exception cref="BadInputException">The index or a file cannot be used, or they do not fit together.</exception>
    public static ShardedFile Open(string path)
    {
        ShardedFile sharded = new(path);
        try
        {
            sharded.OpenShards(TryReadIndex(path, out BadInputException? refusal) ?? throw refusal!);
            return sharded;
        }
        catch
        {
            sharded.Dispose();
            throw;
        }
    }

    /// <summary>The files that an index names, in ordinal order.</summary>
    /// <exception cref="BadInputException">It is no index, or names files elsewhere.</exception>
    public static IReadOnlyList<string> Files(string path) =>
        TryFiles(path, out BadInputException? refusal) ?? throw refusal!;

    /// <summary>The same; null where it is no index.</summary>
    /// <param name="path">The index.</param>
    /// <param name="refusal">Why it is none.</param>
    public static IReadOnlyList<string>? TryFiles(string path, out BadInputException? refusal) =>
        TryReadIndex(path, out refusal) is { } index
            ? [.. index.Values.Distinct().Order(StringComparer.Ordinal)]
            : null;

    /// <inheritdoc/>
    public Tensor ReadFloat(string name) =>
        _shardOf.TryGetValue(name, out ITensorSource? shard)
            ? shard.ReadFloat(name)
            : throw BadInput.Missing(Path, $"{Path} has no tensor {UserText.Quote(name)}.");

    /// <inheritdoc/>
    public void RequireUnchanged() => _shards.ForEach(s => s.RequireUnchanged());

    /// <inheritdoc/>
    public void Dispose() => _shards.ForEach(s => s.Dispose());

    static Dictionary<string, string>? TryReadIndex(string path, out BadInputException? refusal)
    {
        if (InputFile.TryReadJson(path, LongestIndex, out refusal) is not ReadOnlyMemory<byte> json)
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
                || map.ValueKind != JsonValueKind.Object
            )
            {
                refusal = Bad("it has no weight_map");
                return null;
            }
            Dictionary<string, string> files = new(StringComparer.Ordinal);
            foreach (JsonProperty tensor in map.EnumerateObject())
            {
                string? file = tensor.Value.ValueKind == JsonValueKind.String ? tensor.Value.GetString() : null;
                refusal =
                    file is null ? Bad($"the file of {UserText.Quote(tensor.Name)} is not a text")
                    : !IsBeside(file)
                        ? Bad($"it names the file {UserText.Quote(file)}; files must lie beside the index")
                    : !files.TryAdd(tensor.Name, file) ? Bad($"it names {UserText.Quote(tensor.Name)} twice")
                    : null;
                if (refusal is not null)
                    return null;
            }
            refusal = files.Count > 0 ? null : Bad("it names no tensor");
            return refusal is null ? files : null;
        }
        catch (JsonException e)
        {
            refusal = BadInput.Damaged(
                path,
                $"{path} is not the index of a sharded model: it is not valid JSON "
                    + $"({JsonPlace.Describe(e, json.Span)}).",
                cause: e
            );
            return null;
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            refusal = BadInput.Damaged(
                path,
                $"{path} is not the index of a sharded model: it holds a text that is not valid Unicode.",
                cause: e
            );
            return null;
        }

        BadInputException Bad(string why) =>
            BadInput.Mismatch(path, $"{path} is not the index of a sharded model: {why}.");
    }

    static bool IsBeside(string file) =>
        file.Length > 0
        && file == System.IO.Path.GetFileName(file)
        && file is not ("." or "..")
        && !file.Contains('\\')
        && !file.Contains('\0');

    void OpenShards(Dictionary<string, string> index)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        ILookup<string, string> names = index.ToLookup(i => i.Value, i => i.Key, StringComparer.Ordinal);
        string[] files = [.. names.Select(n => n.Key).Order(StringComparer.Ordinal)];
        if (files.Length > MostShards)
            throw BadInput.TooLarge(Path, $"{Path} names {files.Length} files, and {MostShards} are allowed.");
        foreach (string file in files)
        {
            if (file.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase))
                throw BadInput.Mismatch(Path, $"{Path} names another index, {UserText.Quote(file)}.");
            ITensorSource shard = TensorSource.Open(System.IO.Path.Combine(folder, file));
            _shards.Add(shard);
            foreach (string name in names[file])
            {
                _tensors[name] = shard.Tensors.TryGetValue(name, out TensorEntry? entry)
                    ? entry
                    : throw BadInput.Mismatch(
                        Path,
                        $"{Path} says that {file} holds the tensor {UserText.Quote(name)}, but it does not."
                    );
                _shardOf[name] = shard;
            }
        }
    }
}
