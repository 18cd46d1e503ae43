using Retouch.Benchmarks;
using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>
/// A run's folder while this process writes it: locked, prepared, begun or continued, and filled row by row. One
/// thread at a time may use it; disposing it sets it free.
/// </summary>
sealed class RunFolder : IDisposable
{
    readonly Shard _shard;
    readonly string _verb;
    WriterLock? _lock;
    BenchRowFile? _rows;
    BenchPlan? _plan;
    int _total;
    bool _keepsSensitive;

    /// <summary>
    /// Takes a folder at once where there can be another writer; one of one's own is made by <see cref="Begin"/>.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="shard">The part of the run that is written.</param>
    /// <param name="verb">What writes it, such as <c>bench</c>.</param>
    /// <exception cref="BadInputException">Another process writes it.</exception>
    public RunFolder(string path, Shard shard, string verb)
    {
        (Path, _shard, _verb) = (path, shard, verb);
        _lock = Directory.Exists(path) ? BenchFolder.Lock(path, shard, verb) : null;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The file of rows.</summary>
    public string RowFile => System.IO.Path.Combine(Path, _shard.FileName);

    /// <summary>Rows in the file; null before <see cref="Begin"/>.</summary>
    public int? Written { get; private set; }

    BenchPlan Planned => _plan ?? throw new InvalidOperationException($"{nameof(Plan)} says which run it is.");

    /// <summary>What the run is.</summary>
    public string Description
    {
        get
        {
            string part = _shard.Count > 1 ? $", {_total} of them in shard {_shard.Index}/{_shard.Count}" : "";
            string before = Written > 0 ? $", {Written} done before" : "";
            (string run, int settings, int edits) = (Planned.Manifest.Run, Planned.Settings.Count, Planned.Edits.Count);
            return $"run {run}: {settings} settings, {edits} edits{part}{before}";
        }
    }

    /// <summary>What is left of the run where it is interrupted now.</summary>
    public Problem Interruption =>
        Written switch
        {
            null when _keepsSensitive => new(
                "interrupted before the first edit; the sensitive images that were found are kept.",
                Remedy: Remedy.BeginAgain
            ),
            null => new("interrupted before the first edit; nothing was written."),
            0 => new("interrupted before the first row.", Remedy: Remedy.BeginAgain),
            int all when all == _total => new($"interrupted; all {_total} rows are written.", Remedy: Remedy.Finish),
            int some => new($"interrupted; {some} of {_total} rows are written.", Remedy: Remedy.GoOn),
        };

    /// <summary>Says which run it is to hold; nothing is written yet.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="resume">Whether rows that are there may be kept.</param>
    /// <exception cref="BadInputException">
    /// The run cannot be divided so, or the folder holds another, or rows that may not be kept.
    /// </exception>
    public void Plan(BenchPlan plan, bool resume)
    {
        (_plan, _total) = (plan, plan.Batches(_shard).Sum(b => b.Count));
        // Before what else lies there is taken to be at fault.
        BenchFolder.Holds(Path, plan.Manifest);
        // Nor after the images were loaded, which takes its time.
        BenchRowFile.RequireNew(RowFile, resume);
    }

    /// <summary>
    /// The sensitive images of the run that is planned: those that the folder has, else those that are sought now, by
    /// one process for all shards.
    /// </summary>
    /// <param name="candidates">What they are sought among.</param>
    /// <param name="seek">Seeks them.</param>
    /// <param name="cancellation">Ends the wait for another shard.</param>
    /// <returns>Their places in the candidates' order.</returns>
    /// <exception cref="BadInputException">
    /// The folder holds another run, none are found, or they cannot be read or written.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public IReadOnlyList<CandidateImage> Sensitive(
        SensitiveCandidates candidates,
        Func<SensitiveImages> seek,
        CancellationToken cancellation
    )
    {
        BenchManifest manifest = Planned.Manifest;
        _lock ??= BenchFolder.Lock(Path, _shard, _verb);
        bool begun = BenchFolder.Holds(Path, manifest);
        string file = SensitiveFile.PathIn(Path);
        using WriterLock writer = WriterLock.Wait(file, _verb, cancellation);
        // What another command left that never began goes.
        SensitiveImages? found =
            SensitiveFile.Read(Path) is { } there && (begun || there.AreOf(manifest.Model, candidates)) ? there : null;
        if (found is null)
            SensitiveFile.Write(Path, found = seek());
        _keepsSensitive = true;
        Dictionary<string, CandidateImage> byHash = candidates.Images.ToDictionary(i => i.Sha256);
        return found.AreOf(manifest.Model, candidates) && found.Images.All(i => byHash.ContainsKey(i.Sha256))
            ? [.. found.Images.Select(i => byHash[i.Sha256])]
            : throw BadInput.Damaged(
                file,
                $"{file} names the sensitive images of another run than the one beside it; the file was changed.",
                Remedy.TakeAway
            );
    }

    /// <summary>Begins the run that is planned, or continues it where it is there.</summary>
    /// <param name="benchmark">Its benchmark, to keep a copy of; null for none.</param>
    /// <param name="resume">Whether rows that are there may be kept.</param>
    /// <exception cref="BadInputException">
    /// The folder holds another run, or rows that may not be kept, another process writes it, or it cannot be written.
    /// </exception>
    public void Begin(Benchmark? benchmark, bool resume)
    {
        BenchPlan plan = Planned;
        _lock ??= BenchFolder.Lock(Path, _shard, _verb);
        BenchFolder.Prepare(Path, plan.Manifest);
        if (benchmark is not null)
            BenchFolder.WriteBenchmark(Path, benchmark);
        _rows = BenchRowFile.Open(RowFile, plan, _shard, resume, _lock);
        Written = _rows.Rows;
    }

    /// <summary>Fills it.</summary>
    /// <param name="events">Told how far it is.</param>
    /// <param name="edit">
    /// Makes the rows: gets the number that is there, and what takes new ones, batch by batch.
    /// </param>
    /// <returns>All rows of the shard.</returns>
    /// <exception cref="BadInputException">They cannot be written.</exception>
    public IReadOnlyList<BenchRow> Fill(IUseCaseEvents events, Action<int, Action<IReadOnlyList<BenchRow>>> edit)
    {
        using (BenchRowFile rows = _rows!)
        {
            if (rows.BegunAnew)
                events.Warn($"{RowFile} was changed since it came to its end, and is begun anew");
            events.Progress(
                "editing",
                _total,
                report =>
                {
                    report(rows.Rows, null);
                    edit(
                        rows.Rows,
                        batch =>
                        {
                            rows.Append(batch);
                            Written = rows.Rows;
                            report(rows.Rows, BenchSetting.Describe(batch[0].Method, batch[0].Settings));
                        }
                    );
                    return rows.Rows;
                }
            );
        }
        if (_shard.Count > 1)
            PartSum.Write(RowFile);
        return BenchRowFile.Read(RowFile);
    }

    /// <summary>Sets it free.</summary>
    public void Dispose()
    {
        _rows?.Dispose();
        _lock?.Dispose();
    }
}
