using Retouch.Data;
using Retouch.Tests.Formats;
using Retouch.UseCases;

namespace Retouch.Tests.UseCases;

/// <summary>Which locality images a method learns from, and which are measured.</summary>
public sealed class LocalityHalvesTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void No_image_and_no_copy_of_one_is_in_both_halves_whatever_else_lies_there()
    {
        string root = Images("a", 0, 120);
        // Copies, elsewhere and under other names.
        for (int i = 0; i < 30; i++)
            File.Copy(Path.Combine(root, $"{i:000}.png"), Path.Combine(root, $"z{i}.png"));
        LocalityHalves halves = LocalityHalves.Of(ImageFolder.Open(root));
        Assert.True(halves.AreApart);
        Assert.Equal(150, halves.Count);
        Assert.InRange(halves.Measured.Files.Count, 40, 110);
        Assert.Equal(150, halves.Learned.Paths.Count + halves.Measured.Files.Count);
        string[] measured = [.. halves.Measured.Files.Select(f => ImageRoots.Hash(halves.Measured.FullPath(f)))];
        Assert.DoesNotContain(measured, halves.Hashes.Contains);
        Assert.Equal(halves.Hashes.Order(), halves.Learned.Paths.Select(ImageRoots.Hash).Distinct().Order());
        // As if the files had been read again.
        string copy = Directory.CreateDirectory(_folder.File("copy")).FullName;
        foreach (string path in halves.Learned.Paths)
            File.Copy(path, Path.Combine(copy, Path.GetFileName(path)));
        Assert.Equal(ImageFolders.Open([copy]).Hash(), halves.Learned.Hash());

        // With more images each stays where it was.
        Images("a", 200, 60);
        LocalityHalves more = LocalityHalves.Of(ImageFolder.Open(root));
        Assert.Superset(halves.Hashes.ToHashSet(), more.Hashes.ToHashSet());
        Assert.DoesNotContain(measured, more.Hashes.Contains);
    }

    [Theory]
    [InlineData(99, false)]
    [InlineData(100, true)]
    public void Few_images_are_all_in_both(int count, bool apart)
    {
        LocalityHalves halves = LocalityHalves.Of(ImageFolder.Open(Images("few", 0, count)));
        Assert.Equal(apart, halves.AreApart);
        Assert.Equal(apart, halves.Learned.Paths.Count < count);
        Assert.Equal(apart, halves.Measured.Files.Count < count);
    }

    [Fact]
    public void Copies_of_one_image_have_no_halves()
    {
        string root = Images("one", 0, 1);
        for (int i = 0; i < 110; i++)
            File.Copy(Path.Combine(root, "000.png"), Path.Combine(root, $"c{i}.png"));
        LocalityHalves halves = LocalityHalves.Of(ImageFolder.Open(root));
        Assert.Equal((false, 111), (halves.AreApart, halves.Measured.Files.Count));
    }

    // Bytes are all that counts.
    string Images(string name, int first, int count)
    {
        string root = Directory.CreateDirectory(_folder.File(name)).FullName;
        for (int i = first; i < first + count; i++)
            File.WriteAllText(Path.Combine(root, $"{i:000}.png"), $"image {i}");
        return root;
    }
}
