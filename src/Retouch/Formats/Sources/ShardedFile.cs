using System.Text.Json;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A model in several files, with the index that transformers writes: which tensor is in which file.</summary>
sealed class ShardedFile : ITensorSource
{
    const int LongestIndex = 64 << 20, MostShards = 1000;

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
            sharded.OpenShards(ReadIndex(path));
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
    public static IReadOnlyList<string> Files(string path) => [.. ReadIndex(path).Values.Distinct().Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public Tensor ReadFloat(string name) =>
        _shardOf.TryGetValue(name, out ITensorSource? shard) ? shard.ReadFloat(name) : throw BadInput.Missing(Path, $"{Path} has no tensor {UserText.Quote(name)}.");

    /// <inheritdoc/>
    public void RequireUnchanged() => _shards.ForEach(s => s.RequireUnchanged());

    /// <inheritdoc/>
    public void Dispose() => _shards.ForEach(s => s.Dispose());

    static Dictionary<string, string> ReadIndex(string path)
    {
        ReadOnlyMemory<byte> json = InputFile.ReadJson(path, LongestIndex);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
                throw Bad("it has no weight_map");
            Dictionary<string, string> files = new(StringComparer.Ordinal);
            foreach (JsonProperty tensor in map.EnumerateObject())
            {
                string file = tensor.Value.ValueKind == JsonValueKind.String ? tensor.Value.GetString()! : throw Bad($"the file of {UserText.Quote(tensor.Name)} is not a text");
                if (file.Length == 0 || file != System.IO.Path.GetFileName(file) || file is "." or ".." || file.Contains('\\') || file.Contains('\0'))
                    throw Bad($"it names the file {UserText.Quote(file)}; files must lie beside the index");
                if (!files.TryAdd(tensor.Name, file))
                    throw Bad($"it names {UserText.Quote(tensor.Name)} twice");
            }
            return files.Count > 0 ? files : throw Bad("it names no tensor");
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(path, $"{path} is not the index of a sharded model: it is not valid JSON ({JsonPlace.Describe(e, json.Span)}).", cause: e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(path, $"{path} is not the index of a sharded model: it holds a text that is not valid Unicode.", cause: e);
        }

        BadInputException Bad(string why) => BadInput.Mismatch(path, $"{path} is not the index of a sharded model: {why}.");
    }

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
                    : throw BadInput.Mismatch(Path, $"{Path} says that {file} holds the tensor {UserText.Quote(name)}, but it does not.");
                _shardOf[name] = shard;
            }
        }
    }
}
