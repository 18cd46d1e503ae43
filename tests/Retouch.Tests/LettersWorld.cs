using System.IO.Compression;
using Retouch.Data;
using Retouch.Images;
using Retouch.Pretraining;

namespace Retouch.Tests;

/// <summary>The letters world that comes with the program, unpacked once for all tests that look at it.</summary>
public sealed class LettersWorld : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("retouch-letters-").FullName;
    int _files;

    public LettersWorld() => ZipFile.ExtractToDirectory(Shipped("images.zip"), Path.Combine(_root, "images"));

    /// <summary>The model.</summary>
    public string Model => Shipped("model.safetensors");

    /// <summary>The names of its classes.</summary>
    public string Labels => Shipped("labels.txt");

    /// <summary>Its failures.</summary>
    public string Benchmark => Shipped("benchmark.json");

    /// <summary>The folder of a set: natural, oil, stage or locality.</summary>
    public string Images(string set) => Path.Combine(_root, "images", set);

    /// <summary>A file's path that no other test has.</summary>
    public string NewFile(string name)
    {
        string folder = Path.Combine(_root, $"{Interlocked.Increment(ref _files)}");
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, name);
    }

    /// <summary>A folder with the ordinary pictures of some classes.</summary>
    public string Subfolder(string name, params string[] classes)
    {
        string folder = Path.Combine(Path.GetDirectoryName(NewFile(name))!, name);
        foreach (string c in classes)
        {
            Directory.CreateDirectory(Path.Combine(folder, c));
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Images("locality"), c)))
                File.Copy(file, Path.Combine(folder, c, Path.GetFileName(file)));
        }
        return folder;
    }

    /// <summary>The ordinary pictures of some classes, as 0, 1, ….</summary>
    public LabelledImages Ordinary(params string[] classes) =>
        LabelledImages.Open(
            ImageFolder.Open(Subfolder("ordinary", classes)),
            name => Array.IndexOf(classes, name),
            Preprocessing.Inception(24, 1)
        );

    public void Dispose() => Directory.Delete(_root, recursive: true);

    static string Shipped(string name) => Path.Combine(AppContext.BaseDirectory, "demo", name);
}

[CollectionDefinition(nameof(LettersWorld))]
public sealed class LettersWorldShared : ICollectionFixture<LettersWorld>;
