using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>A kind of job: how to run it from what it was asked for.</summary>
public interface IJobKind
{
    /// <summary>Its name, as a record states it.</summary>
    string Name { get; }

    /// <summary>Runs it.</summary>
    /// <param name="request">What it was asked for.</param>
    /// <param name="folder">A folder of its own, in which an interrupted run finds what it kept.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>What came of it, in words, and the file that it wrote.</returns>
    (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    );
}
