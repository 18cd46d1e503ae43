using System.IO.Compression;

namespace Retouch.Images;

/// <summary>The images of a ZIP archive.</summary>
sealed class ZipImages : ImageArchive
{
    readonly Lock _gate = new();
    readonly ZipArchive _zip;
    readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);

    public ZipImages(string path)
        : base(path)
    {
        _zip = ZipFile.OpenRead(path);
        foreach (ZipArchiveEntry entry in _zip.Entries)
        {
            string name = entry.FullName.Replace('\\', '/');
            if (!IsImage(name))
                continue;
            if (_entries.TryAdd(name, entry))
                List(name);
            else
                LeaveOut($"{name} is in {path} twice; the first counts.");
        }
    }

    public override bool Has(string name) => _entries.ContainsKey(name);

    public override long Length(string name) =>
        _entries.TryGetValue(name, out ZipArchiveEntry? entry) ? entry.Length : throw Lacks(name);

    // What an entry says of its length is not believed: no more is read than it says, and no more than an image may
    // have.
    public override byte[] Read(string name)
    {
        if (!_entries.TryGetValue(name, out ZipArchiveEntry? entry))
            throw Lacks(name);
        if (entry.Length > ImageDecoder.MaxFileBytes)
            throw TooLarge(name);
        lock (_gate)
        {
            try
            {
                using Stream stream = entry.Open();
                using MemoryStream bytes = new();
                Span<byte> buffer = stackalloc byte[8192];
                int read;
                while ((read = stream.Read(buffer)) > 0)
                {
                    if (bytes.Length + read > entry.Length)
                        throw new InvalidDataException("an entry is longer than it says");
                    bytes.Write(buffer[..read]);
                }
                return bytes.Length == entry.Length
                    ? bytes.ToArray()
                    : throw new InvalidDataException("an entry is shorter than it says");
            }
            catch (InvalidDataException e)
            {
                throw BadInput.Damaged(Path, $"{name} in {Path} is damaged: {e.Message}.", cause: e);
            }
        }
    }
}
