using System.Text;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>
/// Rows on disk: one JSON object a line, only ever appended to, flushed to the disk after each batch. What an
/// interruption can leave is a torn last line. One process at a time has it open, and one thread may use it.
/// </summary>
public sealed class BenchRowFile : IDisposable
{
    // A power of two, as the buffer's lengths are.
    const int LongestLine = 1 << 24;

    readonly FileStream _stream;
    readonly WriterLock? _own;
    readonly string _path;

    BenchRowFile(FileStream stream, WriterLock? own, string path, int rows, bool begunAnew) =>
        (_stream, _own, _path, Rows, BegunAnew) = (stream, own, path, rows, begunAnew);

    /// <summary>The number of rows in the file.</summary>
    public int Rows { get; private set; }

    /// <summary>Whether there were rows that are not kept, since a part was changed after it came to its end.</summary>
    internal bool BegunAnew { get; }

    /// <summary>Starts a file of rows, or continues one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="plan">The run that the rows are of.</param>
    /// <param name="shard">The part of it.</param>
    /// <param name="resume">Whether rows that are there may be kept; a torn last line is cut off then.</param>
    /// <param name="held">
    /// The file's lock where the caller has it, from <see cref="BenchFolder.Lock"/>, and keeps it; null to take it as
    /// long as the file is open.
    /// </param>
    /// <exception cref="BadInputException">
    /// There is a file and <paramref name="resume"/> is false, its rows are not the first ones of the
    /// shard, another process writes it, or it cannot be written.
    /// </exception>
    public static BenchRowFile Open(string path, BenchPlan plan, Shard shard, bool resume, WriterLock? held = null)
    {
        if (Directory.Exists(path))
            throw BadInput.Exists(path, $"{path} is a directory, where the file of rows is to be.", Remedy.OtherOutput);
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            throw BadInput.Inaccessible(path, $"{path} cannot be written: its folder does not exist.");
        WriterLock? own = held is null ? WriterLock.Take(path, "bench") : null;
        try
        {
            return Continue(path, plan, shard, resume, own);
        }
        catch
        {
            own?.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a file that is there where its rows may not be kept.</summary>
    /// <exception cref="BadInputException">There is one, and <paramref name="resume"/> is false.</exception>
    internal static void RequireNew(string path, bool resume)
    {
        if (!resume && File.Exists(path))
            throw BadInput.Exists(path, $"{path} exists.", Remedy.AnyOf(Remedy.Resume, Remedy.OtherOutput));
    }

    static BenchRowFile Continue(string path, BenchPlan plan, Shard shard, bool resume, WriterLock? own)
    {
        RequireNew(path, resume);
        bool changed = shard.Count > 1 && PartSum.Fits(path) == false;
        try
        {
            FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            try
            {
                if (changed)
                    stream.SetLength(0);
                (List<BenchRow> rows, long length) = Parse(stream, path);
                int[] order = [.. plan.Batches(shard).SelectMany(b => b.Select(e => e.Index))];
                if (rows.FirstOrDefault(r => r.Run != plan.Manifest.Run) is { } other)
                    throw BadInput.Mismatch(
                        path,
                        $"{path} holds rows of the run {other.Run}, but these options make {plan.Manifest.Run}: the "
                            + "model, the benchmark, a setting or an option differs.",
                        Remedy.OtherOutput
                    );
                if (rows.Count > order.Length || !rows.Select(r => r.Edit).SequenceEqual(order.Take(rows.Count)))
                    throw BadInput.Damaged(
                        path,
                        $"The rows of {path} are not the first ones of shard {shard.Index}/{shard.Count}; the file "
                            + "was changed, or made by another shard."
                    );
                stream.SetLength(length);
                stream.Position = length;
                if (rows.Count < order.Length)
                    PartSum.Forget(path);
                return new BenchRowFile(stream, own, path, rows.Count, changed);
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be written: {SystemMessage.Of(e)}.", cause: e);
        }
    }

    /// <summary>Reads the rows of a file, leaving out a torn last line.</summary>
    /// <exception cref="BadInputException">The file cannot be read, or a line before the last is no row.</exception>
    public static IReadOnlyList<BenchRow> Read(string path)
    {
        using FileStream stream = InputFile.Open(path);
        return Parse(stream, path).Rows;
    }

    /// <summary>The lines of rows, as the file has them.</summary>
    public static string Text(IEnumerable<BenchRow> rows) =>
        string.Concat(rows.Select(r => JsonSerializer.Serialize(r, EvaluationJson.Line.BenchRow) + "\n"));

    /// <summary>Appends a batch's rows and brings them to the disk.</summary>
    /// <exception cref="BadInputException">They cannot be written; what was there before still is.</exception>
    public void Append(IReadOnlyList<BenchRow> rows)
    {
        try
        {
            AtomicFile.Reach(_path);
            _stream.Write(Encoding.UTF8.GetBytes(Text(rows)));
            _stream.Flush(flushToDisk: true);
            Rows += rows.Count;
        }
        catch (IOException e)
        {
            throw BadInput.Inaccessible(_path, $"{_path} cannot be written: {SystemMessage.Of(e)}.", Remedy.Resume, e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _own?.Dispose();
    }

    static (List<BenchRow> Rows, long Length) Parse(FileStream stream, string path)
    {
        List<BenchRow> rows = [];
        byte[] buffer = new byte[1 << 16];
        int held = 0;
        long length = 0;
        // What follows the last line's end was torn off by an interruption.
        for (int read; (read = stream.Read(buffer, held, buffer.Length - held)) > 0; )
        {
            int start = 0;
            int end = held;
            for (held += read; (end = Array.IndexOf(buffer, (byte)'\n', end, held - end)) >= 0; start = ++end)
                rows.Add(Row(buffer.AsSpan(start, end - start), rows.Count, path));
            length += start;
            held -= start;
            Array.Copy(buffer, start, buffer, 0, held);
            if (held == LongestLine)
                throw BadInput.TooLarge(
                    path,
                    $"Line {rows.Count + 1} of {path} has more than {LongestLine} bytes, which no row of a benchmark "
                        + "run has; the file was changed or is another."
                );
            if (held == buffer.Length)
                Array.Resize(ref buffer, 2 * buffer.Length);
        }
        return (rows, length);
    }

    static BenchRow Row(ReadOnlySpan<byte> line, int before, string path)
    {
        try
        {
            BenchRow row =
                JsonSerializer.Deserialize(line, EvaluationJson.Default.BenchRow)
                ?? throw new JsonException("it is null");
            return row.Defect() is string defect ? throw Unlike(defect, null) : row;
        }
        catch (JsonException e)
        {
            throw Unlike(JsonPlace.Describe(e, line, before), e);
        }

        BadInputException Unlike(string why, Exception? cause) =>
            BadInput.Damaged(
                path,
                $"Line {before + 1} of {path} is not a row of a benchmark run ({why}); the "
                    + "file was changed or is another.",
                cause: cause
            );
    }
}
