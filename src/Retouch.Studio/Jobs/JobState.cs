namespace Retouch.Studio.Jobs;

/// <summary>Where a job is.</summary>
public enum JobState
{
    /// <summary>It waits for the one before it.</summary>
    Waiting,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>Somebody stopped it for now.</summary>
    Paused,

    /// <summary>It is done.</summary>
    Done,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>Somebody stopped it for good.</summary>
    Cancelled,
}
