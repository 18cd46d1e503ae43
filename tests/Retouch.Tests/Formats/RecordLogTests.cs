using System.Security.Cryptography;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>Records by hashes in a file that only grows, and lists that lie on a disk.</summary>
public sealed class RecordLogTests : IDisposable
{
    const int Payload = 12;
    const int Header = 32;
    const int Record = RecordLog.KeyLength + Payload + 4;

    readonly string _folder = Directory.CreateTempSubdirectory("retouch-log-").FullName;

    string File => Path.Combine(_folder, "log.bin");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_kept_is_found_again_after_a_restart_and_nothing_else()
    {
        using (RecordLog log = new(File, Payload))
            for (int i = 0; i < 20_000; i++)
                log.Add(Key(i), Value(i));
        using RecordLog again = new(File, Payload);
        Assert.Equal(20_000, again.Count);
        Assert.Equal(Header + 20_000L * Record, new FileInfo(File).Length);
        for (int i = 0; i < 20_000; i += 7)
            Assert.Equal(Value(i), Get(again, i));
        for (int i = 20_000; i < 21_000; i++)
            Assert.Null(Get(again, i));
        again.Add(Key(5), Value(6));
        Assert.Equal(Value(5), Get(again, 5));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Record - 1)]
    public void What_a_killed_process_left_half_is_cut_off(int torn)
    {
        Write(10);
        using (FileStream stream = new(File, FileMode.Open))
            stream.SetLength(Header + 9 * Record + torn);
        using (RecordLog log = new(File, Payload))
        {
            Assert.Equal(9, log.Count);
            log.Add(Key(9), Value(9));
        }
        using RecordLog again = new(File, Payload);
        Assert.Equal(Enumerable.Range(0, 10).Select(Value), Enumerable.Range(0, 10).Select(i => Get(again, i)!));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Header - 1)]
    public void A_file_that_was_hardly_begun_begins_anew(int length)
    {
        Write(1);
        using (FileStream stream = new(File, FileMode.Open))
            stream.SetLength(length);
        using RecordLog log = new(File, Payload);
        Assert.Equal(0, log.Count);
        log.Add(Key(3), Value(3));
        Assert.Equal(Value(3), Get(log, 3));
    }

    [Fact]
    public void A_record_that_a_failing_machine_spoilt_is_passed_over_alone()
    {
        Write(10);
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        bytes[Header + 4 * Record + RecordLog.KeyLength]++;
        bytes.AsSpan(Header + 6 * Record, Record).Clear();
        System.IO.File.WriteAllBytes(File, bytes);
        using RecordLog log = new(File, Payload);
        Assert.Equal([4, 6], Enumerable.Range(0, 10).Where(i => Get(log, i) is null));
        log.Add(Key(4), Value(4));
        Assert.Equal(Value(4), Get(log, 4));
    }

    [Fact]
    public void Another_file_is_refused_and_stays()
    {
        System.IO.File.WriteAllText(File, new string('x', 500));
        Assert.Contains(
            "is not a file of this kind",
            Assert.Throws<BadInputException>(() => new RecordLog(File, Payload)).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(500, new FileInfo(File).Length);
        System.IO.File.Delete(File);
        Write(1);
        Assert.Throws<BadInputException>(() => new RecordLog(File, Payload + 1));
    }

    [Fact]
    public void A_spool_gives_what_it_got_in_any_order_from_memory_and_from_its_file()
    {
        Spool spool = new();
        for (int i = 0; i < 150_000; i++)
        {
            spool.Add(Text(i));
            if (i % 1_000 == 0)
                Assert.Equal(Text(i), spool[i]);
        }
        Assert.Equal(150_000, spool.Count);
        for (int i = 0; i < spool.Count; i += 13)
            Assert.Equal(Text(i), spool[i]);
        Random random = new(0);
        for (int n = 0; n < 2_000; n++)
            Assert.Equal(Text(n), spool[n]);
        for (int n = 0; n < 2_000; n++)
        {
            int i = random.Next(spool.Count);
            Assert.Equal(Text(i), spool[i]);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => spool[spool.Count]);

        static byte[] Text(int i) => [.. Enumerable.Repeat((byte)i, 30 + i % 40)];
    }

    void Write(int count)
    {
        using RecordLog log = new(File, Payload);
        for (int i = 0; i < count; i++)
            log.Add(Key(i), Value(i));
    }

    static byte[]? Get(RecordLog log, int i)
    {
        byte[] value = new byte[Payload];
        return log.TryGet(Key(i), value) ? value : null;
    }

    static byte[] Key(int i) => SHA256.HashData(BitConverter.GetBytes(i));

    static byte[] Value(int i) => SHA256.HashData(BitConverter.GetBytes(-i - 1))[..Payload];
}
