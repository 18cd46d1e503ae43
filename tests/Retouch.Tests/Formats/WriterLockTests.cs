using System.Diagnostics;
using System.Globalization;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

public sealed class WriterLockTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void the_second_writer_is_told_who_the_first_is()
    {
        using Process me = Process.GetCurrentProcess();
        using (WriterLock.Take(_folder.File("f"), "bench"))
        {
            string message = Assert
                .Throws<BadInputException>(() => WriterLock.Take(_folder.File("f"), "bench").Dispose())
                .Message;
            Assert.StartsWith(
                _folder.File("f") + " is being written by 'retouch bench', ",
                message,
                StringComparison.Ordinal
            );
            Assert.Contains(
                $"process {me.Id} on {Environment.MachineName}, started "
                    + $"{me.StartTime.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture)}",
                message,
                StringComparison.Ordinal
            );
            // Refusing harmed nothing.
            Assert.Throws<BadInputException>(() => WriterLock.Take(_folder.File("f"), "bench").Dispose());
            WriterLock.Take(_folder.File("g"), "bench").Dispose();
            WriterLock.Take(_folder.Root, "shift").Dispose();
        }
        Assert.Empty(_folder.Names());
        WriterLock.Take(_folder.File("f"), "bench").Dispose();
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void what_a_killed_process_left_locks_nothing()
    {
        string file = WriterLock.FileOf(_folder.File("f"));
        File.WriteAllText(
            file,
            "'retouch bench', process 1 on elsewhere, started long ago, and much more than the next will write"
        );
        using (WriterLock.Take(_folder.File("f"), "mine"))
        {
            string message = Assert
                .Throws<BadInputException>(() => WriterLock.Take(_folder.File("f"), "bench").Dispose())
                .Message;
            Assert.DoesNotContain("elsewhere", message, StringComparison.Ordinal);
            Assert.DoesNotContain("much more", message, StringComparison.Ordinal);
        }
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void a_folder_and_a_name_of_any_length_have_a_lock()
    {
        string longest = _folder.File(new string('x', 255));
        string inside = Path.Combine(_folder.Root, ".retouch.lock");
        Assert.Equal(inside, WriterLock.FileOf(_folder.Root));
        Assert.Equal(inside, WriterLock.FileOf(_folder.Root + Path.DirectorySeparatorChar));
        using (WriterLock.Take(longest, "edit"))
            Assert.Throws<BadInputException>(() => WriterLock.Take(longest, "edit").Dispose());
        Assert.Contains(
            "cannot be written",
            Assert
                .Throws<BadInputException>(() =>
                    WriterLock.Take(Path.Combine(_folder.File("absent"), "f"), "edit").Dispose()
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task what_is_held_for_moments_is_waited_for()
    {
        WriterLock first = WriterLock.Take(_folder.File("masks.json"), "bench masks");
        Task<WriterLock> second = Task.Run(() => WriterLock.Wait(_folder.File("masks.json"), "bench masks"));
        first.Dispose();
        (await second).Dispose();
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void of_many_that_ask_at_once_one_holds_it()
    {
        int holders = 0;
        int most = 0;
        int taken = 0;
        Parallel.For(
            0,
            400,
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            _ =>
            {
                try
                {
                    using WriterLock held = WriterLock.Take(_folder.File("f"), "bench");
                    most = Math.Max(most, Interlocked.Increment(ref holders));
                    Interlocked.Increment(ref taken);
                    Interlocked.Decrement(ref holders);
                }
                catch (BadInputException) { }
            }
        );
        Assert.Equal(1, most);
        Assert.InRange(taken, 1, 400);
        Assert.Empty(_folder.Names());
    }
}
