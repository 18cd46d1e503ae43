using System.Text.Json;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>
/// The jobs of a studio, one at a time, in their order. They are kept on disk: a studio that was killed goes on with
/// them at its next start. Safe for several threads.
/// </summary>
public sealed class JobRunner : IDisposable
{
    static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    readonly StudioWorld _world;
    readonly IReadOnlyList<IJobKind> _kinds;
    readonly Lock _gate = new();
    readonly SemaphoreSlim _more = new(0);
    readonly CancellationTokenSource _stop = new();
    readonly List<Job> _jobs = [];
    Task _work = Task.CompletedTask;

    /// <summary>Reads what is kept; nothing runs yet.</summary>
    /// <param name="world">The model and the images.</param>
    public JobRunner(StudioWorld world)
    {
        _world = world;
        _kinds =
        [
            new RepairJob(world),
            new CheckJob(world),
            new MineJob(world),
            new PrepareJob(world),
            new TrainLocatorJob(world),
            new BenchJob(world, () => LastOf(TrainLocatorJob.Kind)),
            new BuildJob(world),
            new ReportJob(world),
            new AskOtherJob(world),
        ];
        foreach (JobRecord record in Load())
        {
            bool unfinished = record.State is JobState.Running or JobState.Waiting or JobState.Paused;
            _jobs.Add(new Job(unfinished ? record with { State = JobState.Waiting } : record));
            if (unfinished)
                _more.Release();
        }
    }

    /// <summary>All jobs, the latest first.</summary>
    public IReadOnlyList<Job> Jobs
    {
        get
        {
            lock (_gate)
                return [.. Enumerable.Reverse(_jobs)];
        }
    }

    /// <summary>Told when something changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Begins to work.</summary>
    public void Start() => _work = Task.Run(WorkAsync);

    /// <summary>Asks for a job.</summary>
    /// <param name="kind">What it does.</param>
    /// <param name="title">What a page calls it.</param>
    /// <param name="request">What it is asked for.</param>
    public Job Add(string kind, string title, IReadOnlyDictionary<string, string> request)
    {
        Job job;
        lock (_gate)
        {
            job = new Job(
                new JobRecord(
                    _jobs.Count == 0 ? 1 : _jobs.Max(j => j.Record.Id) + 1,
                    kind,
                    title,
                    JobState.Waiting,
                    DateTimeOffset.UtcNow,
                    request
                )
            );
            _jobs.Add(job);
        }
        Tell();
        _more.Release();
        return job;
    }

    /// <summary>Stops a job for now.</summary>
    public void Pause(Job job)
    {
        if (job.Record.State != JobState.Running)
            return;
        job.Pause();
        job.Become(JobState.Paused);
        Tell();
    }

    /// <summary>Goes on with a job that was stopped for now.</summary>
    public void GoOn(Job job)
    {
        if (job.Record.State != JobState.Paused)
            return;
        job.Become(JobState.Running);
        job.GoOn();
        Tell();
    }

    /// <summary>Stops a job for good.</summary>
    public void Cancel(Job job)
    {
        if (job.Record.State is JobState.Waiting)
            job.Become(JobState.Cancelled);
        job.Stop.Cancel();
        Tell();
    }

    /// <summary>Stops working; what was not finished goes on at the next start.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (Job job in Jobs.Where(j => j.Record.State is JobState.Running or JobState.Paused))
            await job.Stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
    }

    /// <summary>Frees the jobs; nothing runs by then.</summary>
    public void Dispose()
    {
        foreach (Job job in _jobs)
            job.Dispose();
        _more.Dispose();
        _stop.Dispose();
    }

    async Task WorkAsync()
    {
        try
        {
            while (true)
            {
                await _more.WaitAsync(_stop.Token).ConfigureAwait(false);
                Job? next;
                lock (_gate)
                    next = _jobs.FirstOrDefault(j => j.Record.State == JobState.Waiting);
                if (next is null)
                    continue;
                await _world.Opened.WaitAsync(_stop.Token).ConfigureAwait(false);
                Run(next);
            }
        }
        catch (OperationCanceledException) { }
    }

    void Run(Job job)
    {
        job.Become(JobState.Running);
        Tell();
        try
        {
            IJobKind kind = _kinds.First(k => k.Name == job.Record.Kind);
            string folder = Path.Combine(Folder, $"{job.Record.Id}");
            Directory.CreateDirectory(folder);
            (string result, string? output) = kind.Run(
                job.Record.Request,
                folder,
                new Events(this, job),
                job.Stop.Token
            );
            job.Become(JobState.Done, result, output);
        }
        catch (OperationCanceledException)
        {
            // A studio that is closed is no user who gave up.
            job.Become(_stop.IsCancellationRequested ? JobState.Waiting : JobState.Cancelled);
        }
        catch (BadInputException e)
        {
            job.Become(JobState.Failed, e.Message);
        }
        catch (Exception e)
        {
            job.Become(JobState.Failed, $"{e.GetType().Name}: {e.Message}");
        }
        job.Doing = "";
        Tell();
    }

    // What the latest job of a kind wrote that is there still.
    string? LastOf(string kind) =>
        Jobs.FirstOrDefault(j =>
            j.Record.Kind == kind && j.Record.State == JobState.Done && File.Exists(j.Record.Output)
        )?.Record.Output;

    /// <summary>The folder in which all that jobs write lies.</summary>
    internal string Folder => Path.Combine(_world.Options.WorkFolder, "jobs");

    string FileName => Path.Combine(Folder, "jobs.json");

    IReadOnlyList<JobRecord> Load()
    {
        try
        {
            return File.Exists(FileName)
                ? JsonSerializer.Deserialize<JobRecord[]>(File.ReadAllBytes(FileName), s_json) ?? []
                : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    void Tell()
    {
        lock (_gate)
        {
            Directory.CreateDirectory(Folder);
            string next = $"{FileName}.next";
            File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(_jobs.Select(j => j.Record), s_json));
            File.Move(next, FileName, overwrite: true);
        }
        Changed?.Invoke();
    }

    sealed class Events(JobRunner queue, Job job) : IUseCaseEvents
    {
        public void Note(string text) => Say(text);

        public void Warn(string text) => Say(text);

        public void Detail(string text) { }

        public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work)
        {
            job.Doing = what;
            return work(
                (done, _) =>
                {
                    job.Wait();
                    job.Done = total > 0 ? Math.Clamp(done / total, 0, 1) : 0;
                    queue.Changed?.Invoke();
                }
            );
        }

        void Say(string text)
        {
            job.Say(text);
            queue.Changed?.Invoke();
        }
    }
}
