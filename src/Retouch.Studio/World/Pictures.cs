using Retouch.Images;

namespace Retouch.Studio.World;

/// <summary>Small copies of images, made when asked for, the last kept in memory. Safe for several threads.</summary>
/// <param name="orientation">Which way up images are.</param>
public sealed class Pictures(ImageOrientation orientation)
{
    const int Most = 4096;

    readonly Lock _gate = new();
    readonly Dictionary<(string Path, int Side), LinkedListNode<((string, int) Key, byte[] Jpeg)>> _kept = [];
    readonly LinkedList<((string, int) Key, byte[] Jpeg)> _order = [];

    /// <summary>A JPEG of an image, which is not enlarged.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="side">The longer side's length at most, in pixels.</param>
    /// <exception cref="BadInputException">The file has vanished or cannot be decoded.</exception>
    public byte[] Jpeg(string path, int side)
    {
        lock (_gate)
        {
            if (_kept.TryGetValue((path, side), out var node))
            {
                _order.Remove(node);
                _order.AddFirst(node);
                return node.Value.Jpeg;
            }
        }
        byte[] made = Thumbnail.Jpeg(path, side, orientation);
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
}
