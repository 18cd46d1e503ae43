using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// The storages of a PyTorch file that several tensors are parts of, each read once: a part of a packed storage could
/// only be reached by unpacking all before it, again for each. Owns what it keeps.
/// </summary>
sealed class SharedStorages : IDisposable
{
    readonly Dictionary<string, long> _shared; // how many numbers of it tensors reach
    readonly Dictionary<string, Tensor> _kept = new(StringComparer.Ordinal);

    /// <summary>Finds out which are shared; none is read yet.</summary>
    /// <param name="tensors">All tensors of the file.</param>
    public SharedStorages(IEnumerable<PickleTensor> tensors) =>
        _shared = tensors
            .GroupBy(t => t.Storage.Key, StringComparer.Ordinal)
            .Select(g => (g.Key, Users: g.Count(), Count: g.Max(t => t.Storage.Offset + t.Storage.Count)))
            .Where(s => s.Users > 1)
            .ToDictionary(s => s.Key, s => s.Count, StringComparer.Ordinal);

    /// <summary>A tensor as a copy of its part of its storage, or null if no other tensor shares that.</summary>
    /// <param name="tensor">What to read.</param>
    /// <param name="read">Reads the storage from its first number on, as many as it is asked for.</param>
    public Tensor? Find(PickleTensor tensor, Func<long, Tensor> read)
    {
        if (!_shared.TryGetValue(tensor.Storage.Key, out long count))
            return null;
        using DisposeScope scope = NewDisposeScope();
        if (!_kept.TryGetValue(tensor.Storage.Key, out Tensor? whole))
            _kept[tensor.Storage.Key] = whole = read(count).DetachFromDisposeScope();
        Tensor part = whole.as_strided([.. tensor.Shape], [.. tensor.Strides], tensor.Storage.Offset + tensor.Offset);
        return (part.is_contiguous() ? part.clone() : part.contiguous()).MoveToOuterDisposeScope();
    }

    /// <summary>Frees what is kept.</summary>
    public void Dispose()
    {
        foreach (Tensor whole in _kept.Values)
            whole.Dispose();
    }
}
