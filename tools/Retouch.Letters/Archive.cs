using System.IO.Compression;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Letters;

/// <summary>A zip archive whose bytes depend on its files alone.</summary>
static class Archive
{
    static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Packs folders, each under its own name; <c>folder=list</c> packs the relative paths that the lines of a file name.</summary>
    public static int Write(string path, string[] parts)
    {
        int count = 0;
        AtomicFile.Write(path, overwrite: true, stream =>
        {
            using ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach (string part in parts)
            {
                string[] halves = part.Split('=', 2);
                string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(halves[0]));
                IEnumerable<string> files = halves.Length == 2 ? File.ReadLines(halves[1]).Order(StringComparer.Ordinal) : ImageFolder.Open(halves[0]).Files;
                foreach (string file in files)
                {
                    // PNG is compressed already.
                    ZipArchiveEntry entry = zip.CreateEntry($"{name}/{file}", CompressionLevel.NoCompression);
                    entry.LastWriteTime = Epoch;
                    using Stream to = entry.Open();
                    to.Write(File.ReadAllBytes(Path.Combine(halves[0], file)));
                    count++;
                }
            }
        });
        Console.WriteLine($"{path}: {count} files, {new FileInfo(path).Length / 1024} KiB");
        return 0;
    }
}
