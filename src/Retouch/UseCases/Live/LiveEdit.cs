using Retouch.Editing;
using Retouch.Patches;

namespace Retouch.UseCases;

/// <summary>An edit at one place, not written yet. Owns its patch.</summary>
public sealed class LiveEdit : IDisposable
{
    readonly EditResult _result;

    internal LiveEdit(LivePlace place, EditResult result, IReadOnlyList<ClassProbability> likeliest) =>
        (Place, _result, Likeliest) = (place, result, likeliest);

    /// <summary>Where it lies between one image and all like it.</summary>
    public LivePlace Place { get; }

    /// <summary>Whether the image has its label.</summary>
    public bool Success => _result.Success;

    /// <summary>The patch; it belongs to the edit.</summary>
    public Patch Patch => _result.Patch;

    /// <summary>What the edited model says of the image, the likeliest first.</summary>
    public IReadOnlyList<ClassProbability> Likeliest { get; }

    /// <summary>Frees the patch.</summary>
    public void Dispose() => _result.Dispose();
}
