using Retouch.Images;

namespace Retouch.Studio.World;

/// <summary>Small copies of images, made when asked for, the last kept in memory. Safe for several threads.</summary>
/// <param name="orientation">Which way up images are.</param>
public sealed class Pictures(ImageOrientation orientation) : IDisposable
{
    const int Most = 4096;

    // One core is the browser's, which paints what is there meanwhile.
    readonly SemaphoreSlim _making = new(Math.Max(Environment.ProcessorCount - 1, 1));
    readonly Lock _gate = new();
    readonly Dictionary<(string Path, int Side), LinkedListNode<((string, int) Key, byte[] Jpeg)>> _kept = [];
    readonly LinkedList<((string, int) Key, byte[] Jpeg)> _order = [];

    /// <summary>A JPEG of an image, which is not enlarged.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="side">The longer side's length at most, in pixels.</param>
    /// <exception cref="BadInputException">The file has vanished or cannot be decoded.</exception>
    public async Task<byte[]> JpegAsync(string path, int side)
    {
        if (Kept(path, side) is { } kept)
            return kept;
        await _making.WaitAsync().ConfigureAwait(false);
        byte[] made;
        try
        {
            made = Kept(path, side) ?? Thumbnail.Jpeg(path, side, orientation);
        }
        finally
        {
            _making.Release();
        }
        lock (_gate)
        {
            if (!_kept.ContainsKey((path, side)))
                _kept[(path, side)] = _order.AddFirst(((path, side), made));
            while (_kept.Count > Most)
            {
                _kept.Remove(_order.Last!.Value.Key);
                _order.RemoveLast();
            }
        }
        return made;
    }

    /// <summary>Frees what waits were made of.</summary>
    public void Dispose() => _making.Dispose();

    byte[]? Kept(string path, int side)
    {
        lock (_gate)
        {
            if (!_kept.TryGetValue((path, side), out var node))
                return null;
            _order.Remove(node);
            _order.AddFirst(node);
            return node.Value.Jpeg;
        }
    }
}
