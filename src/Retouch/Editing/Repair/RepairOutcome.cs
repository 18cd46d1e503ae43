using Retouch.Suffix;

namespace Retouch.Editing;

/// <summary>What a repair did. Owns its change.</summary>
/// <param name="Change">What it changes; null where nothing could be corrected.</param>
/// <param name="Corrected">Which of the failing images are right now.</param>
/// <param name="Why">Why each of the others is not; null where it is.</param>
/// <param name="SharedUnits">Hidden units that several images share.</param>
/// <param name="OwnUnits">Hidden units of one image each.</param>
/// <param name="AddedUnits">How many of all of them the model did not have.</param>
/// <param name="Trial">What was found out about sharing; null where it was not asked.</param>
/// <param name="Losses">The loss at every step of the shared units.</param>
public sealed record RepairOutcome(
    TensorDelta? Change,
    IReadOnlyList<bool> Corrected,
    IReadOnlyList<string?> Why,
    int SharedUnits,
    int OwnUnits,
    int AddedUnits,
    RepairTrial? Trial,
    IReadOnlyList<float> Losses
) : IDisposable
{
    /// <summary>Frees the change.</summary>
    public void Dispose() => Change?.Dispose();
}
