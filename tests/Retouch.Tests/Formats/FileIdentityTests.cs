using Retouch.Formats;

namespace Retouch.Tests.Formats;

public sealed class FileIdentityTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_file_is_known_by_each_of_its_paths_and_two_files_are_two()
    {
        string file = _folder.Write("model", "x");
        string twin = _folder.Write("other", "x");
        Directory.CreateDirectory(_folder.File("sub"));
        Assert.True(FileIdentity.Same(file, file));
        Assert.True(FileIdentity.Same(file, Path.Combine(_folder.File("sub"), "..", "model")));
        Assert.True(FileIdentity.Same(file, Path.GetRelativePath(Environment.CurrentDirectory, file)));
        Assert.True(FileIdentity.Same(_folder.Root, _folder.Root + Path.DirectorySeparatorChar));
        Assert.False(FileIdentity.Same(file, twin));
        Assert.False(FileIdentity.Same(file, _folder.File("absent")));
        Assert.False(FileIdentity.Same(_folder.File("absent"), _folder.File("absent")));
        Assert.False(FileIdentity.Same("", file));
    }

    [Fact]
    public void Links_are_followed_wherever_they_stand_on_the_way()
    {
        Assert.SkipUnless(!OperatingSystem.IsWindows(), "links need rights on Windows");
        Directory.CreateDirectory(_folder.File("deep"));
        string file = _folder.Write("deep/model", "x");
        Directory.CreateSymbolicLink(_folder.File("folder"), _folder.File("deep"));
        File.CreateSymbolicLink(_folder.File("link"), "folder/model");
        File.CreateSymbolicLink(_folder.File("chain"), "link");
        File.CreateSymbolicLink(_folder.File("circle"), "circle");
        Assert.True(FileIdentity.Same(file, _folder.File("folder/model")));
        Assert.True(FileIdentity.Same(_folder.File("chain"), file));
        Assert.True(FileIdentity.Same(_folder.File("folder"), _folder.File("deep")));
        Assert.False(FileIdentity.Same(_folder.File("circle"), file));
    }

    [Fact]
    public void Case_matters_where_the_system_says_that_it_does()
    {
        string lower = _folder.Write("model", "x");
        bool one = File.Exists(_folder.File("MODEL"));
        Assert.Equal(one, FileIdentity.Same(lower, _folder.File("MODEL")));
        if (!one)
        {
            _folder.Write("MODEL", "x");
            Assert.False(FileIdentity.Same(lower, _folder.File("MODEL")));
        }
    }
}
