namespace Retouch.Editing;

/// <summary>
/// Whether some of the mistakes teach something about the others: shared gates were made from some of the images, and
/// the rest was counted. Immutable.
/// </summary>
/// <param name="Failing">Failing images that were left out.</param>
/// <param name="Mended">How many of those the gates corrected all the same.</param>
/// <param name="Right">Right near images that were left out.</param>
/// <param name="Broken">How many of those the gates broke.</param>
/// <param name="FailingInAll">All failing images.</param>
/// <param name="RightInAll">All right near images.</param>
public sealed record RepairTrial(int Failing, int Mended, int Right, int Broken, int FailingInAll, int RightInAll)
{
    /// <summary>Whether right near images were examples of their class (<see cref="RepairSettings"/>).</summary>
    public bool RightAreExamples { get; init; }

    /// <summary>Of all images, how many more would become right than wrong.</summary>
    public double Gain =>
        (Failing == 0 ? 0 : (double)Mended / Failing * FailingInAll)
        - (Right == 0 ? 0 : (double)Broken / Right * RightInAll);

    /// <summary>
    /// Whether more images of the kind that was given would become right than wrong, and half of the failing ones or
    /// more: otherwise the mistakes have too little in common.
    /// </summary>
    public bool Generalizes => Failing > 0 && 2 * Mended >= Failing && Gain >= 0;
}
