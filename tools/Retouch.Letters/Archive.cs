using System.IO.Compression;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;

namespace Retouch.Letters;

/// <summary>A zip archive whose bytes depend on its files alone.</summary>
static class Archive
{
    static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// Packs folders, each under its own name. Of a folder that is a source of the benchmark, only the images of
    /// its groups and every so-manieth of the others.
    /// </summary>
    public static int Write(string path, string benchmarkFile, int every, string[] folders)
    {
        Benchmark benchmark = BenchmarkFile.Load(benchmarkFile);
        int count = 0;
        AtomicFile.Write(
            path,
            overwrite: true,
            stream =>
            {
                using ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true);
                foreach (string folder in folders)
                {
                    string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
                    HashSet<string> grouped =
                    [
                        .. benchmark.Groups.Where(g => g.Source == name).SelectMany(g => g.Images.Select(i => i.Path)),
                    ];
                    foreach (
                        string file in ImageFolder
                            .Open(folder)
                            .Files.Where((f, i) => grouped.Count == 0 || grouped.Contains(f) || i % every == 0)
                    )
                    {
                        // PNG is compressed already.
                        ZipArchiveEntry entry = zip.CreateEntry($"{name}/{file}", CompressionLevel.NoCompression);
                        entry.LastWriteTime = Epoch;
                        using Stream to = entry.Open();
                        to.Write(File.ReadAllBytes(Path.Combine(folder, file)));
                        count++;
                    }
                }
            }
        );
        Console.WriteLine($"{path}: {count} files, {new FileInfo(path).Length / 1024} KiB");
        return 0;
    }
}
