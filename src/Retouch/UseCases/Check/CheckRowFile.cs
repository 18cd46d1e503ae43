using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Retouch.Benchmarks;
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
    readonly bool _isPart;
    readonly ArrayBufferWriter<byte> _pending = new();
    long _flushed = Environment.TickCount64;

    CheckRowFile(FileStream stream, WriterLock held, string path, bool isPart) =>
        (_stream, _lock, _path, _isPart) = (stream, held, path, isPart);

    /// <summary>Whether there were answers that are not kept, since a part was changed after its end.</summary>
    public bool BegunAnew { get; private init; }

    /// <summary>Starts a file of answers, or continues one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="check">What names the check: its models and images.</param>
    /// <param name="places">
    /// Which images it is to hold the answers to, and how many are asked about at once: what is kept ends with a whole
    /// batch, so that the rest is asked as it would have been.
    /// </param>
    /// <param name="classes">The number of the models' classes.</param>
    /// <param name="compared">Whether there is a model to compare with.</param>
    /// <param name="resume">Whether answers that are there are kept.</param>
    /// <param name="overwrite">
    /// Whether a file that is there may be replaced; one of this check is not where answers are kept.
    /// </param>
    /// <param name="keep">Takes the answers that are kept, in their order.</param>
    /// <exception cref="BadInputException">
    /// There is a file that may not be replaced, it is of another check, another process writes it, or it cannot be
    /// written.
    /// </exception>
    public static CheckRowFile Open(
        string path,
        string check,
        CheckPlaces places,
        int classes,
        bool compared,
        bool resume,
        bool overwrite,
        Action<CheckRow> keep
    )
    {
        WriterLock held = WriterLock.Take(path, "check");
        try
        {
            if (File.Exists(path) && !resume && !overwrite)
                throw BadInput.Exists(path, $"{path} exists.", Remedy.AnyOf(Remedy.Resume, Remedy.Overwrite));
            bool isPart = places.Shard.Count > 1;
            bool changed = isPart && resume && File.Exists(path) && PartSum.Fits(path) == false;
            FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            try
            {
                CheckRowFile file = new(stream, held, path, isPart) { BegunAnew = changed };
                if (!resume || !file.Continue(check, places, classes, compared, overwrite, keep))
                    file.Begin(Header.Of(check, places.Images, places.Shard));
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

    /// <summary>Brings to the disk what is not there yet, and says of a part that it is all there.</summary>
    /// <exception cref="BadInputException">It cannot be written; what was there before still is.</exception>
    public void Finish()
    {
        Flush();
        if (_isPart)
            PartSum.Write(_path);
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

    /// <summary>What a file says of itself; null where it is none of a check's answers.</summary>
    /// <exception cref="BadInputException">It cannot be read.</exception>
    internal static Header? HeaderOf(string path)
    {
        using FileStream stream = InputFile.Open(path);
        try
        {
            return Lines(stream, path).Select(l => Read(l.Line)).FirstOrDefault() is { Format: Format } header
                ? header
                : null;
        }
        catch (BadInputException e) when (e.Kind == BadInputKind.TooLarge)
        {
            return null;
        }
    }

    /// <summary>Writes the answers of a check's parts as one run would have, atomically.</summary>
    /// <param name="parts">The files of all parts, each once.</param>
    /// <param name="finished">Those that their sums say to be all there.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="overwrite">Whether one that is there may be replaced.</param>
    /// <exception cref="BadInputException">
    /// A part cannot be read, is of another check or lacks answers, or the file cannot be written.
    /// </exception>
    internal static void Merge(
        IReadOnlyList<string> parts,
        IReadOnlySet<string> finished,
        string output,
        bool overwrite
    )
    {
        Header first = HeaderOf(parts[0])!;
        using WriterLock held = WriterLock.Take(output, "merge");
        List<FileStream> streams = [];
        try
        {
            PriorityQueue<(IEnumerator<(int Image, byte[] Line)> Rows, string Part), int> next = new();
            List<string> ended = [];
            string before = "";
            foreach (string part in parts)
            {
                if (HeaderOf(part) is not { } header || header.Check != first.Check || header.Images != first.Images)
                    throw BadInput.Mismatch(
                        part,
                        $"{part} holds answers of another check than {parts[0]}: a model, a patch or the images differ."
                    );
                streams.Add(InputFile.Open(part));
                Advance(Rows(streams[^1], part).GetEnumerator(), part);
            }
            AtomicFile.Write(
                output,
                overwrite,
                stream =>
                {
                    Put(stream, Header.Of(first.Check, first.Images, Benchmarks.Shard.Whole).Line());
                    for (int image = 0; image < first.Images; image++)
                    {
                        if (!next.TryPeek(out var there, out int number) || number > image)
                            throw Lacking(image);
                        next.Dequeue();
                        if (number < image)
                            throw BadInput.Damaged(
                                there.Part,
                                $"{before} and {there.Part} both have the answer to image {number}; one was changed: "
                                    + "run its task again, then merge again."
                            );
                        Put(stream, there.Rows.Current.Line);
                        before = there.Part;
                        Advance(there.Rows, there.Part);
                    }
                    if (next.TryPeek(out var more, out _))
                        throw BadInput.Damaged(
                            more.Part,
                            $"{more.Part} has answers to images that the check does not have; it was changed: run its "
                                + "task again, then merge again."
                        );
                }
            );

            void Advance(IEnumerator<(int Image, byte[] Line)> rows, string part)
            {
                if (rows.MoveNext())
                    next.Enqueue((rows, part), rows.Current.Image);
                else
                    ended.Add(part);
            }

            // Of a part that goes on behind the image it is not.
            BadInputException Lacking(int image)
            {
                string[] open = [.. ended.Where(p => !finished.Contains(p))];
                string what = $"the answer to image {image} of {first.Images}";
                return open is [string only]
                    ? BadInput.Missing(
                        only,
                        $"{only} was not finished: it lacks {what}; run its task again, then merge again."
                    )
                    : BadInput.Missing(
                        null,
                        $"None of the parts has {what}: one of {string.Join(", ", open.Length > 0 ? open : parts)} was "
                            + "not finished, or is the part of a run of other batches; run its task again, then merge "
                            + "again."
                    );
            }
        }
        finally
        {
            streams.ForEach(s => s.Dispose());
        }

        static void Put(Stream stream, byte[] line)
        {
            stream.Write(line);
            stream.Write("\n"u8);
        }
    }

    // Lines are taken over as they are: written anew, another version could write them otherwise.
    static IEnumerable<(int Image, byte[] Line)> Rows(Stream stream, string path)
    {
        int number = 1;
        foreach ((ReadOnlyMemory<byte> line, _) in Lines(stream, path).Skip(1))
        {
            number++;
            CheckRow? row = null;
            try
            {
                row = JsonSerializer.Deserialize(line.Span, CheckJson.Default.CheckRow);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException) { }
            yield return row is not null
                ? (row.Image, line.ToArray())
                : throw BadInput.Damaged(path, $"Line {number} of {path} is not an answer; the file was changed.");
        }
    }

    /// <summary>Closes the file; what was not brought to the disk is lost.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _lock.Dispose();
    }

    void Begin(Header header)
    {
        if (_isPart)
            PartSum.Forget(_path);
        _stream.SetLength(0);
        Put(header.Line());
        Flush();
    }

    // False where there is nothing to go on with: an interruption before the first line was whole, or another check
    // that may be replaced.
    bool Continue(string check, CheckPlaces places, int classes, bool compared, bool overwrite, Action<CheckRow> keep)
    {
        long kept = 0;
        List<CheckRow> rows = [];
        int taken = 0;
        bool headed = false;
        foreach ((ReadOnlyMemory<byte> line, long after) in Lines(_stream, _path))
        {
            if (!headed)
            {
                if (Refusal(line, Header.Of(check, places.Images, places.Shard)) is { } refusal)
                    return overwrite ? false : throw refusal;
                if (BegunAnew)
                    return false;
                headed = true;
                kept = after;
                continue;
            }
            rows.Add(Row(line, taken + rows.Count, places, classes, compared));
            if (places.EndsBatch(taken + rows.Count))
            {
                rows.ForEach(keep);
                taken += rows.Count;
                rows.Clear();
                kept = after;
            }
        }
        if (!headed)
            return false;
        // What is whole is not changed, and keeps its sum.
        if (_isPart && (kept < _stream.Length || taken < places.Count))
            PartSum.Forget(_path);
        _stream.SetLength(kept);
        _stream.Position = kept;
        return true;
    }

    BadInputException? Refusal(ReadOnlyMemory<byte> line, Header wanted)
    {
        Remedy remedy = Remedy.Overwrite;
        return Read(line) is not { } header
                ? BadInput.Damaged(_path, $"{_path} does not hold the answers of a check.", remedy)
            : header is not { Format: Format, Version: Version }
                ? BadInput.Mismatch(
                    _path,
                    $"{_path} does not hold the answers of a check of version {Version}.",
                    remedy
                )
            : header with { Shard = wanted.Shard, Shards = wanted.Shards } != wanted
                ? BadInput.Mismatch(
                    _path,
                    $"{_path} holds the answers of another check: a model, a patch or the images differ.",
                    remedy
                )
            : header != wanted
                ? BadInput.Mismatch(_path, $"{_path} holds the answers of the check's part {header.Part}.", remedy)
            : null;
    }

    static Header? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, CheckJson.Default.Header);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    CheckRow Row(ReadOnlyMemory<byte> line, int number, CheckPlaces places, int classes, bool compared)
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
            throw Unlike(e is JsonException json ? JsonPlace.Describe(json, line.Span, number + 1) : "its text", e);
        }
        bool fits =
            number < places.Count
            && row.Image == places.Of(number)
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
                $"Line {number + 2} of {_path} is not an answer of this check ({why}); the file was changed.",
                Remedy.StartAnew,
                cause
            );
    }

    // What follows the last line's end was torn off by an interruption.
    static IEnumerable<(ReadOnlyMemory<byte> Line, long After)> Lines(Stream stream, string path)
    {
        byte[] buffer = new byte[LongestLine];
        int held = 0;
        long before = 0;
        for (int read; (read = stream.Read(buffer, held, buffer.Length - held)) > 0; )
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
                    path,
                    $"A line of {path} has more than {LongestLine} bytes, which no answer has; the file was changed "
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

    /// <param name="Format">What the file says that it is.</param>
    /// <param name="Version">Of the format.</param>
    /// <param name="Check">What names the check.</param>
    /// <param name="Images">The images of the whole check.</param>
    /// <param name="Shard">Which part of it; null for all of it.</param>
    /// <param name="Shards">Of how many.</param>
    internal sealed record Header(
        string Format,
        int Version,
        string Check,
        int Images,
        int? Shard = null,
        int? Shards = null
    )
    {
        /// <summary>Which part it is.</summary>
        [JsonIgnore]
        public Shard Part => Shards is int count ? new Shard(Shard ?? 0, count) : Benchmarks.Shard.Whole;

        /// <summary>Of a file of this version.</summary>
        public static Header Of(string check, int images, Shard part) =>
            new(
                CheckRowFile.Format,
                CheckRowFile.Version,
                check,
                images,
                part.Count == 1 ? null : part.Index,
                part.Count == 1 ? null : part.Count
            );

        /// <summary>As the file has it, without the line's end.</summary>
        public byte[] Line() => JsonSerializer.SerializeToUtf8Bytes(this, CheckJson.Line.Header);
    }
}
