using Retouch.Cli;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void a_file_appears_whole_and_alone()
    {
        string path = _folder.File("f");
        AtomicFile.Write(
            path,
            overwrite: false,
            stream =>
            {
                stream.Write("half"u8);
                Assert.False(File.Exists(path));
                stream.Write(" and half"u8);
            }
        );
        Assert.Equal("half and half", File.ReadAllText(path));
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void a_failure_leaves_the_old_file_and_no_other()
    {
        string path = _folder.Write("f", "old");
        Assert.Throws<InvalidTimeZoneException>(() =>
            AtomicFile.Write(
                path,
                overwrite: true,
                stream =>
                {
                    stream.Write("new"u8);
                    throw new InvalidTimeZoneException();
                }
            )
        );
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void an_existing_file_is_replaced_only_on_request()
    {
        string path = _folder.Write("f", "old");
        string message = Refusal(path);
        Assert.Contains("f exists; pass --overwrite to replace it", message);
        Assert.Equal("old", File.ReadAllText(path));

        AtomicFile.CheckWritable(path, overwrite: true);
        AtomicFile.Write(path, overwrite: true, stream => stream.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void a_file_that_someone_else_creates_meanwhile_is_not_replaced()
    {
        string path = _folder.File("f");
        var refusal = Assert.Throws<BadInputException>(() =>
            AtomicFile.Write(path, overwrite: false, _ => File.WriteAllText(path, "theirs"))
        );
        Assert.Contains("exists; pass --overwrite", RemedyText.Of(refusal));
        Assert.Equal("theirs", File.ReadAllText(path));
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void a_path_where_no_file_can_be_is_refused()
    {
        Assert.Contains(
            $"The folder {_folder.File("absent")} does not exist",
            Refusal(Path.Combine(_folder.File("absent"), "f"))
        );
        Assert.Contains("is a directory", Refusal(_folder.Root));
        Assert.Contains("is a directory", Refusal(_folder.File("f") + Path.DirectorySeparatorChar));
        Assert.Contains("empty or not a file name", Refusal(" "));
        Assert.Contains("longer than 255 bytes", Refusal(_folder.File(new string('x', 300))));
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void a_device_is_never_replaced_by_a_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/null is a Unix device");
        var refusal = Assert.Throws<BadInputException>(() => AtomicFile.CheckWritable("/dev/null", overwrite: true));
        Assert.Contains("is a device", refusal.Message);
    }

    [Fact]
    public void a_folder_without_permission_is_named()
    {
        // Even root may not create files there.
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/sys/kernel"), "needs Linux's /sys");
        string message = Refusal("/sys/kernel/f");
        Assert.True(
            message.Contains("no permission to write f in /sys/kernel") || message.Contains("cannot be written"),
            message
        );
    }

    [Fact]
    public void a_full_disk_is_said_and_leaves_the_old_file()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs Linux's /dev/full, where every write finds a full disk");
        string path = _folder.Write("f", "old");
        var refusal = Assert.Throws<BadInputException>(() =>
            AtomicFile.Write(
                path,
                overwrite: true,
                stream =>
                {
                    stream.Write("new"u8);
                    using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
                    full.WriteByte(1);
                    full.Flush();
                }
            )
        );
        Assert.Contains("is full", refusal.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void a_private_file_stays_private()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no file modes");
            return; // For the analyzer of platforms, which does not know that Skip throws.
        }
        string path = _folder.Write("f", "old");
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(path, mine);
        AtomicFile.Write(path, overwrite: true, stream => stream.Write("new"u8));
        Assert.Equal(mine, File.GetUnixFileMode(path));
    }

    /// <summary>The check in advance and the write itself must agree.</summary>
    static string Refusal(string path)
    {
        string early = RemedyText.Of(
            Assert.Throws<BadInputException>(() => AtomicFile.CheckWritable(path, overwrite: false))
        );
        string late = RemedyText.Of(
            Assert.Throws<BadInputException>(() =>
                AtomicFile.Write(path, overwrite: false, _ => Assert.Fail("must not be asked to write"))
            )
        );
        Assert.Equal(early, late);
        return early;
    }
}
