using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>What killed writers leave goes; what a living one writes, and what is not ours, stays.</summary>
public sealed class TemporaryFileTests : IDisposable
{
    const string Left = ".retouch-0123456789abcdef0123456789abcdef.tmp";

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void the_next_writer_takes_away_what_a_killed_one_left()
    {
        _folder.Write(Left, "half");
        AtomicFile.Write(_folder.File("f"), overwrite: false, stream => stream.Write("whole"u8));
        Assert.Equal(["f"], _folder.Names());
        _folder.Write(Left, "half");
        AtomicFile.CheckWritable(_folder.File("g"), overwrite: false);
        Assert.Equal(["f"], _folder.Names());
        _folder.Write(Left, "half");
        WriterLock.Take(_folder.File("g"), "bench").Dispose();
        Assert.Equal(["f"], _folder.Names());
    }

    [Fact]
    public void a_living_writers_file_stays_until_it_has_its_name()
    {
        AtomicFile.Write(
            _folder.File("f"),
            overwrite: false,
            stream =>
            {
                stream.Write("who"u8);
                TemporaryFile.Sweep(_folder.Root);
                Assert.Single(_folder.Names());
                stream.Write("le"u8);
            }
        );
        AtomicFile.BeforeStep.Value = _ => TemporaryFile.Sweep(_folder.Root);
        AtomicFile.Write(_folder.File("g"), overwrite: false, stream => stream.Write("whole"u8));
        AtomicFile.BeforeStep.Value = null;
        // Between the end of writing and the name.
        using (TemporaryFile file = TemporaryFile.Create(_folder.Root, _folder.File("h"), out string path))
        {
            file.Stream.Dispose();
            TemporaryFile.Sweep(_folder.Root);
            Assert.True(File.Exists(path));
            file.MoveTo(_folder.File("h"), overwrite: false);
            Assert.Empty(File.ReadAllBytes(_folder.File("h")));
        }
        Assert.Equal(["f", "g", "h"], _folder.Names());
        Assert.Equal("whole", File.ReadAllText(_folder.File("f")));
    }

    [Fact]
    public void what_is_not_ours_stays()
    {
        string[] others =
        [
            ".retouch-x.tmp",
            ".retouch-0123456789abcdef0123456789abcdeg.tmp",
            "retouch-0123456789abcdef0123456789abcdef.tmp",
            Left + ".bak",
            ".0123.tmp",
            Left[..^4],
        ];
        foreach (string name in others)
            _folder.Write(name, "theirs");
        Directory.CreateDirectory(_folder.File("sub"));
        _folder.Write(Path.Combine("sub", Left), "in another folder");
        Directory.CreateDirectory(_folder.File(".retouch-1123456789abcdef0123456789abcdef.tmp"));
        AtomicFile.Write(_folder.File("f"), overwrite: false, _ => { });
        Assert.Equal(others.Length + 3, _folder.Names().Length);
        Assert.True(File.Exists(_folder.File(Path.Combine("sub", Left))));
    }

    [Fact]
    public void what_a_link_of_such_a_name_leads_to_stays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets not everybody make links");
        string precious = _folder.Write("precious", "whole");
        File.CreateSymbolicLink(_folder.File(Left), precious);
        AtomicFile.Write(_folder.File("f"), overwrite: false, _ => { });
        Assert.Equal("whole", File.ReadAllText(precious));
    }
}
