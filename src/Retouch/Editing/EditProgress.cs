namespace Retouch.Editing;

/// <summary>How far a batch of edits is.</summary>
/// <param name="Step">Steps taken so far.</param>
/// <param name="MaxSteps">Steps at most.</param>
/// <param name="Pending">Edits that are not finished.</param>
/// <param name="Loss">The mean loss of the edits that were pending.</param>
public readonly record struct EditProgress(int Step, int MaxSteps, int Pending, double Loss);
