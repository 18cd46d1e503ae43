using System.IO.Compression;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>The letters world that comes with the program, laid out in a folder of the user's.</summary>
sealed class DemoWorld : IDisposable
{
    /// <summary>The shifted subsets.</summary>
    public static readonly string[] Subsets = ["natural", "oil", "stage"];

    const string Mark = ".retouch-demo";
    const long LargestImage = 1 << 16;
    const int MostImages = 20_000;

    WriterLock? _lock;

    DemoWorld(string folder) => Folder = folder;

    /// <summary>The user's folder.</summary>
    public string Folder { get; }

    public string Model => File("model.safetensors");

    public string Labels => File("labels.txt");

    public string Locality => File("images/locality");

    public IReadOnlyList<string> Images => [.. Subsets.Select(s => File($"images/{s}"))];

    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Lays the world out in a folder: a new one, an empty one or one of an earlier demo.</summary>
    /// <exception cref="BadInputException">
    /// The folder is another one, cannot be written, or the program's files are missing.
    /// </exception>
    public static DemoWorld LayOut(string folder, ShippedFiles shipped, CancellationToken cancellation)
    {
        string source = shipped.PathOf("demo");
        string archive = Path.Combine(source, "images.zip");
        if (!System.IO.File.Exists(archive))
            throw BadInput.Missing(archive, $"{archive} is missing; build the program again, it comes with it.");
        DemoWorld world = new(folder);
        if (System.IO.File.Exists(folder))
            throw BadInput.Exists(folder, $"{folder} is a file.", Remedy.OtherOutput);
        if (
            Directory.Exists(folder)
            && Directory.EnumerateFileSystemEntries(folder).Any()
            && !System.IO.File.Exists(world.File(Mark))
        )
            throw BadInput.Exists(folder, $"{folder} holds other files.", Remedy.OtherOutput);
        try
        {
            Directory.CreateDirectory(folder);
            System.IO.File.WriteAllText(world.File(Mark), "");
            world._lock = WriterLock.Take(folder, "demo");
            System.IO.File.Copy(Path.Combine(source, "model.safetensors"), world.Model, overwrite: true);
            System.IO.File.Copy(Path.Combine(source, "labels.txt"), world.Labels, overwrite: true);
            Unpack(archive, world.File("images"), cancellation);
        }
        catch (Exception e)
        {
            world.Dispose();
            if (e is not (IOException or UnauthorizedAccessException))
                throw;
            throw BadInput.Inaccessible(
                folder,
                $"{folder} cannot be written to ({SystemMessage.Of(e)}).",
                Remedy.OtherOutput,
                e
            );
        }
        return world;
    }

    /// <summary>Lets others write to the folder.</summary>
    public void Dispose() => _lock?.Dispose();

    static void Unpack(string archive, string folder, CancellationToken cancellation)
    {
        using ZipArchive zip = ZipFile.OpenRead(archive);
        if (zip.Entries.Count > MostImages)
            throw BadInput.TooLarge(
                null,
                $"{archive} holds {zip.Entries.Count} files, too many for the demo's images; build the program again."
            );
        string root = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            cancellation.ThrowIfCancellationRequested();
            string target = Path.GetFullPath(Path.Combine(folder, entry.FullName));
            if (!target.StartsWith(root, StringComparison.Ordinal) || entry.Length > LargestImage)
                throw BadInput.Mismatch(
                    null,
                    $"{archive} is not the archive that comes with Retouch; build the program again."
                );
            if (System.IO.File.Exists(target) && new FileInfo(target).Length == entry.Length)
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            AtomicFile.Write(
                target,
                overwrite: true,
                stream =>
                {
                    using Stream from = entry.Open();
                    from.CopyTo(stream);
                }
            );
        }
    }
}
