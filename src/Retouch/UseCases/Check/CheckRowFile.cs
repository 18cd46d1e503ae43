using System.Buffers;
using System.Text.Json;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>
/// A check's answers on disk: a line of JSON that says of what, then one an image, only ever appended to and brought
/// to the disk now and then. What an interruption can leave is a torn last line. One process at a time has it open,
/// and one thread may use it.
/// </summary>
sealed class CheckRowFile : IDisposable
{
    const string Format = "retouch-check";
    const int Version = 1;
    const int LongestLine = 1 << 16;

    static readonly TimeSpan BetweenFlushes = TimeSpan.FromSeconds(1);

    readonly FileStream _stream;
    readonly WriterLock _lock;
    readonly string _path;
    readonly ArrayBufferWriter<byte> _pending = new();
    long _flushed = Environment.TickCount64;

    CheckRowFile(FileStream stream, WriterLock held, string path) => (_stream, _lock, _path) = (stream, held, path);

    /// <summary>Starts a file of answers, or continues one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="check">What names the check: its models and images.</param>
    /// <param name="images">The number of images.</param>
    /// <param name="classes">The number of the models' classes.</param>
    /// <param name="compared">Whether there is a model to compare with.</param>
    /// <param name="resume">Whether answers that are there are kept.</param>
    /// <param name="overwrite">
    /// Whether a file that is there may be replaced; one of this check is not where answers are kept.
    /// </param>
    /// <param name="batch">
    /// How many images are asked about at once: what is kept ends with a whole batch, so that the rest is asked as it
    /// would have been.
    /// </param>
    /// <param name="keep">Takes the answers that are kept, in their order.</param>
    /// <exception cref="BadInputException">
    /// There is a file that may not be replaced, it is of another check, another process writes it, or it cannot be
    /// written.
    /// </exception>
    public static CheckRowFile Open(
        string path,
        string check,
        int images,
        int classes,
        bool compared,
        bool resume,
        bool overwrite,
        int batch,
        Action<CheckRow> keep
    )
    {
        WriterLock held = WriterLock.Take(path, "check");
        try
        {
            if (File.Exists(path) && !resume && !overwrite)
                throw BadInput.Exists(path, $"{path} exists.", Remedy.AnyOf(Remedy.Resume, Remedy.Overwrite));
            FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            try
            {
                CheckRowFile file = new(stream, held, path);
                if (!resume || !file.Continue(check, images, classes, compared, overwrite, batch, keep))
                    file.Begin(check, images);
                return file;
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            held.Dispose();
            throw BadInput.Inaccessible(path, $"{path} cannot be written: {SystemMessage.Of(e)}.", cause: e);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Appends answers, which are brought to the disk at once or a second later.</summary>
    /// <exception cref="BadInputException">They cannot be written; what was there before still is.</exception>
    public void Append(IReadOnlyList<CheckRow> rows)
    {
        foreach (CheckRow row in rows)
            Put(JsonSerializer.SerializeToUtf8Bytes(row, CheckJson.Line.CheckRow));
        if (Environment.TickCount64 - _flushed >= BetweenFlushes.TotalMilliseconds)
            Flush();
    }

    /// <summary>Brings to the disk what is not there yet.</summary>
    /// <exception cref="BadInputException">It cannot be written; what was there before still is.</exception>
    public void Flush()
    {
        try
        {
            AtomicFile.Reach(_path);
            _stream.Write(_pending.WrittenSpan);
            _stream.Flush(flushToDisk: true);
            _pending.ResetWrittenCount();
            _flushed = Environment.TickCount64;
        }
        catch (IOException e)
        {
            throw BadInput.Inaccessible(_path, $"{_path} cannot be written: {SystemMessage.Of(e)}.", Remedy.Resume, e);
        }
    }

    /// <summary>Closes the file; what was not brought to the disk is lost.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _lock.Dispose();
    }

    void Begin(string check, int images)
    {
        _stream.SetLength(0);
        Put(JsonSerializer.SerializeToUtf8Bytes(new Header(Format, Version, check, images), CheckJson.Line.Header));
        Flush();
    }

    // False where there is nothing to go on with: an interruption before the first line was whole, or another check
    // that may be replaced.
    bool Continue(
        string check,
        int images,
        int classes,
        bool compared,
        bool overwrite,
        int batch,
        Action<CheckRow> keep
    )
    {
        long kept = 0;
        List<CheckRow> rows = [];
        int taken = 0;
        bool headed = false;
        foreach ((ReadOnlyMemory<byte> line, long after) in Lines())
        {
            if (!headed)
            {
                if (Refusal(line, check, images) is { } refusal)
                    return overwrite ? false : throw refusal;
                headed = true;
                kept = after;
                continue;
            }
            rows.Add(Row(line, taken + rows.Count, images, classes, compared));
            // The last batch may be a small one.
            if (rows.Count == batch || taken + rows.Count == images)
            {
                rows.ForEach(keep);
                taken += rows.Count;
                rows.Clear();
                kept = after;
            }
        }
        if (!headed)
            return false;
        _stream.SetLength(kept);
        _stream.Position = kept;
        return true;
    }

    BadInputException? Refusal(ReadOnlyMemory<byte> line, string check, int images)
    {
        Remedy remedy = Remedy.Overwrite;
        try
        {
            Header? header = JsonSerializer.Deserialize(line.Span, CheckJson.Default.Header);
            return header is not { Format: Format, Version: Version }
                    ? BadInput.Mismatch(
                        _path,
                        $"{_path} does not hold the answers of a check of version {Version}.",
                        remedy
                    )
                : header.Check != check || header.Images != images
                    ? BadInput.Mismatch(
                        _path,
                        $"{_path} holds the answers of another check: a model, a patch or the images differ.",
                        remedy
                    )
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return BadInput.Damaged(_path, $"{_path} does not hold the answers of a check.", remedy, e);
        }
    }

    CheckRow Row(ReadOnlyMemory<byte> line, int place, int images, int classes, bool compared)
    {
        CheckRow row;
        try
        {
            row =
                JsonSerializer.Deserialize(line.Span, CheckJson.Default.CheckRow)
                ?? throw new JsonException("It is null.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unlike(e is JsonException json ? JsonPlace.Describe(json, line.Span, place + 1) : "its text", e);
        }
        bool fits =
            row.Image == place
            && place < images
            && (
                row.Problem is null
                    ? Fits(row.After) && compared == row.Before is not null && (row.Before is null || Fits(row.Before))
                    : row.After is null && row.Before is null
            );
        return fits ? row : throw Unlike("its numbers do not fit", null);

        bool Fits(RankedAnswer? answer) =>
            answer is { Probability: >= 0 and <= 1 }
            && answer.Top.Count == Math.Min(RankedAnswer.Length, classes)
            && answer.Top.All(c => c >= 0 && c < classes);

        BadInputException Unlike(string why, Exception? cause) =>
            BadInput.Damaged(
                _path,
                $"Line {place + 2} of {_path} is not an answer of this check ({why}); the file was changed.",
                Remedy.StartAnew,
                cause
            );
    }

    // What follows the last line's end was torn off by an interruption.
    IEnumerable<(ReadOnlyMemory<byte> Line, long After)> Lines()
    {
        byte[] buffer = new byte[LongestLine];
        int held = 0;
        long before = 0;
        for (int read; (read = _stream.Read(buffer, held, buffer.Length - held)) > 0; )
        {
            held += read;
            int start = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', start, held - start)) >= 0; start = end + 1)
                yield return (buffer.AsMemory(start, end - start), before + end + 1);
            before += start;
            held -= start;
            Array.Copy(buffer, start, buffer, 0, held);
            if (held == buffer.Length)
                throw BadInput.TooLarge(
                    _path,
                    $"A line of {_path} has more than {LongestLine} bytes, which no answer has; the file was changed "
                        + "or is another.",
                    Remedy.StartAnew
                );
        }
    }

    void Put(ReadOnlySpan<byte> line)
    {
        _pending.Write(line);
        _pending.Write("\n"u8);
    }

    internal sealed record Header(string Format, int Version, string Check, int Images);
}
