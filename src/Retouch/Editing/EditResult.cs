using Retouch.Patches;

namespace Retouch.Editing;

/// <summary>One edit: the patch and how it came about. Owns the patch.</summary>
public sealed class EditResult(Patch patch, IReadOnlyList<float> losses) : IDisposable
{
    /// <summary>The patch; it belongs to the result.</summary>
    public Patch Patch { get; } = patch;

    /// <summary>The loss before each step, and at the stop where the edit stopped early.</summary>
    public IReadOnlyList<float> Losses { get; } = losses;

    /// <summary>Whether every editing image gets the label under the edited model.</summary>
    public bool Success => Patch.Provenance.Measurements!.Success;

    /// <summary>Optimization steps taken.</summary>
    public int Steps => Patch.Provenance.Measurements!.Steps;

    /// <summary>Frees the patch.</summary>
    public void Dispose() => Patch.Dispose();
}
