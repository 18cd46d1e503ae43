using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Benchmarks;

/// <summary>
/// A folder that holds a run: its manifest, its rows, in one file or a file a shard, and its summary.
/// </summary>
public static class BenchFolder
{
    /// <summary>The name of the summary's file.</summary>
    public const string SummaryName = "summary.json";

    /// <summary>The name of the copy of the run's benchmark.</summary>
    public const string BenchmarkName = "benchmark.json";

    const int MaxManifestLength = 16 << 20;

    /// <summary>
    /// Makes this process the only one that writes a shard's rows in a folder, and of the whole run the files made of
    /// them. The folder is created where it does not exist.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shard">The shard; others may be written at once.</param>
    /// <param name="verb">What writes, such as <c>bench</c>.</param>
    /// <exception cref="BadInputException">
    /// Another process writes the shard, which is named, or the folder cannot be created.
    /// </exception>
    public static WriterLock Lock(string folder, Shard shard, string verb)
    {
        OutputFolder.Create(folder);
        return WriterLock.Take(Path.Combine(folder, shard.FileName), verb);
    }

    /// <summary>Puts the manifest into a folder, which is created where it does not exist.</summary>
    /// <exception cref="BadInputException">It cannot be written, or the folder holds another run.</exception>
    public static void Prepare(string folder, BenchManifest manifest)
    {
        OutputFolder.Create(folder);
        string path = Path.Combine(folder, BenchManifest.FileName);
        // Shards may start at once: one is the first, and each looks whether it is of that run.
        if (AtomicFile.TryCreate(path, stream => Write(stream, manifest, EvaluationJson.Indented.BenchManifest)))
            return;
        Holds(folder, manifest);
    }

    /// <summary>Whether a folder holds a run already; false where it holds none.</summary>
    /// <exception cref="BadInputException">It holds another run, or its manifest is damaged.</exception>
    internal static bool Holds(string folder, BenchManifest manifest)
    {
        if (!File.Exists(Path.Combine(folder, BenchManifest.FileName)))
            return false;
        if (ReadManifest(folder).Run is string run && run != manifest.Run)
            throw BadInput.Mismatch(
                folder,
                $"{folder} holds the run {run}, but these options make {manifest.Run}: the model, the benchmark, a "
                    + "setting or an option differs.",
                Remedy.OtherOutput
            );
        return true;
    }

    /// <summary>Reads a folder's manifest.</summary>
    /// <exception cref="BadInputException">There is none, or it is damaged.</exception>
    public static BenchManifest ReadManifest(string folder)
    {
        string path = Path.Combine(folder, BenchManifest.FileName);
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxManifestLength);
        try
        {
            BenchManifest manifest =
                JsonSerializer.Deserialize(text.Span, EvaluationJson.Default.BenchManifest)
                ?? throw new JsonException("it is null");
            return manifest.Defect() is string defect ? throw NoManifest(path, defect, null) : manifest;
        }
        catch (JsonException e)
        {
            throw NoManifest(path, JsonPlace.Describe(e, text.Span), e);
        }
    }

    /// <summary>
    /// Puts a copy of the run's benchmark beside its manifest, so that the folder says all that a gallery of its edits
    /// needs but images and model.
    /// </summary>
    /// <exception cref="BadInputException">It cannot be written.</exception>
    public static void WriteBenchmark(string folder, Benchmark benchmark) =>
        BenchmarkFile.Save(benchmark, Path.Combine(folder, BenchmarkName), overwrite: true);

    /// <summary>The folder's copy of the run's benchmark, or null if it has none.</summary>
    /// <exception cref="BadInputException">It is damaged.</exception>
    public static Benchmark? ReadBenchmark(string folder) =>
        Path.Combine(folder, BenchmarkName) is var path && File.Exists(path) ? BenchmarkFile.Load(path) : null;

    /// <summary>Writes the summary of a run.</summary>
    /// <exception cref="BadInputException">It cannot be written.</exception>
    public static void WriteSummary(string folder, IReadOnlyList<SettingSummary> summary) =>
        AtomicFile.Write(
            Path.Combine(folder, SummaryName),
            overwrite: true,
            stream => Write(stream, summary, EvaluationJson.Indented.IReadOnlyListSettingSummary)
        );

    /// <summary>
    /// Gathers the rows of a run's shards into one file, <c>rows.jsonl</c>, in the order of the plan.
    /// </summary>
    /// <param name="files">The shards' files of rows; beside each lies the run's manifest.</param>
    /// <param name="output">The folder to write to, with the manifest.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="BadInputException">
    /// The files are of different runs, a row is missing, or two that should be the same differ.
    /// </exception>
    public static IReadOnlyList<BenchRow> Merge(IReadOnlyList<string> files, string output) =>
        Merge(files, new HashSet<string>(), output);

    /// <inheritdoc cref="Merge(IReadOnlyList{string}, string)"/>
    /// <param name="files">The shards' files of rows.</param>
    /// <param name="finished">Those that their sums say to be all there.</param>
    /// <param name="output">The folder to write to.</param>
    internal static IReadOnlyList<BenchRow> Merge(
        IReadOnlyList<string> files,
        IReadOnlySet<string> finished,
        string output
    )
    {
        BenchManifest? manifest = null;
        SortedDictionary<int, (BenchRow Row, string File)> merged = [];
        foreach (string file in files)
        {
            IReadOnlyList<BenchRow> read = BenchRowFile.Read(file);
            BenchManifest its = ReadManifest(Folder(file));
            manifest ??= its;
            foreach (BenchRow row in read)
            {
                if (its.Run != manifest.Run || row.Run != manifest.Run)
                    throw BadInput.Mismatch(
                        file,
                        $"{file} is of the run {(its.Run != manifest.Run ? its.Run : row.Run)}, but {files[0]} of "
                            + $"{manifest.Run}; merge the shards of one run."
                    );
                if (row.Edit < 0 || row.Edit >= manifest.Edits)
                    throw BadInput.Damaged(
                        file,
                        $"{file} holds the edit {row.Edit}, which the run does not have; the file was changed."
                    );
                if (
                    !merged.TryAdd(row.Edit, (row, file))
                    && BenchRowFile.Text([merged[row.Edit].Row with { Seconds = 0, Memory = null }])
                        != BenchRowFile.Text([row with { Seconds = 0, Memory = null }])
                )
                    throw BadInput.Damaged(
                        file,
                        $"{merged[row.Edit].File} and {file} both hold the edit {row.Edit}, with different results; "
                            + "they come from machines that compute differently, or one was changed."
                    );
            }
        }
        if (manifest is null)
            throw BadInput.Missing(null, "There are no rows to merge; name the shards' files or their folders.");
        if (merged.Count < manifest.Edits)
        {
            int first = Enumerable.Range(0, manifest.Edits).First(i => !merged.ContainsKey(i));
            string[] open = [.. files.Where(f => !finished.Contains(f))];
            string where =
                open.Length > 0 && open.Length < files.Count
                    ? $"{string.Join(", ", open)} {(open.Length == 1 ? "was" : "were")} not finished: run the task "
                        + "again"
                    : "run or resume the shards that lack them";
            throw BadInput.Missing(
                open.FirstOrDefault(),
                $"{manifest.Edits - merged.Count} of the run's {manifest.Edits} rows are missing, the first is edit "
                    + $"{first}; {where}, then merge again."
            );
        }
        SensitiveImages? sensitive = SameSensitive(files);
        BenchRow[] rows = [.. merged.Values.Select(m => m.Row)];
        Prepare(output, manifest);
        if (files.Select(f => ReadBenchmark(Folder(f))).FirstOrDefault(b => b is not null) is { } benchmark)
            WriteBenchmark(output, benchmark);
        if (sensitive is not null)
            SensitiveFile.Write(output, sensitive);
        if (
            files.Select(f => SideEffectFile.Read(Folder(f))).FirstOrDefault(e => e?.Run == manifest.Run) is { } effects
        )
            SideEffectFile.Write(output, effects);
        AtomicFile.Write(
            Path.Combine(output, Shard.Whole.FileName),
            overwrite: true,
            stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(BenchRowFile.Text(rows)))
        );
        return rows;
    }

    // Shards in folders of their own have sought them each for itself.
    static SensitiveImages? SameSensitive(IReadOnlyList<string> files)
    {
        (string Folder, SensitiveImages Images)? first = null;
        foreach (string folder in files.Select(Folder).Distinct())
        {
            if (SensitiveFile.Read(folder) is not { } images)
                continue;
            first ??= (folder, images);
            if (!images.Images.Select(i => i.Sha256).SequenceEqual(first.Value.Images.Images.Select(i => i.Sha256)))
                throw BadInput.Mismatch(
                    SensitiveFile.PathIn(folder),
                    $"{SensitiveFile.PathIn(first.Value.Folder)} and {SensitiveFile.PathIn(folder)} name different "
                        + "sensitive images; they come from machines that compute differently, or one was changed."
                );
        }
        return first?.Images;
    }

    static string Folder(string file) => Path.GetDirectoryName(Path.GetFullPath(file))!;

    static BadInputException NoManifest(string path, string defect, Exception? cause) =>
        BadInput.Damaged(path, $"{path} is not a run's manifest: {defect}.", Remedy.GiveMade(Artifact.Run), cause);

    static void Write<T>(Stream stream, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        JsonSerializer.Serialize(stream, value, type);
        stream.WriteByte((byte)'\n');
    }
}
