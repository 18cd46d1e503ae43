namespace Retouch.UseCases;

/// <summary>A run was cancelled; its rows are kept.</summary>
public sealed class RunInterruptedException : OperationCanceledException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">What is left of the run, and how to go on.</param>
    /// <param name="cause">What was thrown where it was cancelled.</param>
    /// <param name="cancellation">What cancelled it.</param>
    internal RunInterruptedException(Problem problem, OperationCanceledException cause, CancellationToken cancellation)
        : base(problem.Message, cause, cancellation) => Problem = problem;

    /// <summary>What is left of the run, and how to go on.</summary>
    public Problem Problem { get; }
}
