namespace Retouch.Benchmarks;

/// <summary>An edit of a sequence that was taken back at its end. Immutable.</summary>
/// <param name="Step">Its place in the sequence, from 1.</param>
/// <param name="Standing">How many of the other edits were right at the end.</param>
/// <param name="Stand">How many of those are right without it, too.</param>
/// <param name="StillRight">Whether its own image is right all the same.</param>
public sealed record ForgottenEdit(int Step, int Standing, int Stand, bool StillRight)
{
    /// <summary>Whether the numbers of one that was read cannot be.</summary>
    internal bool Defect => Step < 1 || Stand < 0 || Stand > Standing;
}
