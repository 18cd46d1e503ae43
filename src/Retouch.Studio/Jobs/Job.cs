namespace Retouch.Studio.Jobs;

/// <summary>What is done while the pages go on: a repair, a check. Safe for several threads.</summary>
public sealed class Job : IDisposable
{
    readonly ManualResetEventSlim _goes = new(true);

    internal Job(JobRecord record) => Record = record;

    /// <summary>What it is, as it is kept on disk.</summary>
    public JobRecord Record { get; private set; }

    /// <summary>What is being done, in words.</summary>
    public string Doing { get; internal set; } = "";

    /// <summary>How much of that is done, in [0,1].</summary>
    public double Done { get; internal set; }

    /// <summary>What it said on the way, the latest last.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    internal CancellationTokenSource Stop { get; } = new();

    readonly List<string> _lines = [];

    internal void Say(string line)
    {
        lock (_lines)
            _lines.Add(line);
    }

    internal void Become(JobState state, string? result = null, string? output = null) =>
        Record = Record with { State = state, Result = result ?? Record.Result, Output = output ?? Record.Output };

    internal void Pause() => _goes.Reset();

    internal void GoOn() => _goes.Set();

    /// <summary>Frees what it waits with.</summary>
    public void Dispose()
    {
        _goes.Dispose();
        Stop.Dispose();
    }

    /// <summary>Waits while it is paused.</summary>
    internal void Wait() => _goes.Wait(Stop.Token);
}
