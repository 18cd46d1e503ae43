using Retouch.Patches;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>
/// A model with patches, asked about images that are kept. Owns the edited model, and the patches unless it leaves
/// them.
/// </summary>
public sealed class LiveState : IDisposable
{
    readonly LiveModel _live;
    readonly IReadOnlyList<LoadedPatch> _patches;
    readonly VitModel? _edited;

    internal LiveState(LiveModel live, IReadOnlyList<LoadedPatch> patches, bool leavePatches)
    {
        (_live, _patches) = (live, leavePatches ? [] : patches);
        _edited = patches.Count == 0 ? null : PatchLedger.Apply(live.File.Model, [.. patches.Select(p => p.Patch)]);
    }

    /// <summary>What the model with the patches says of images.</summary>
    /// <param name="images">The images.</param>
    public IReadOnlyList<LiveAnswer> Answers(LiveImages images) => _live.Answers(images, _edited);

    /// <summary>Frees what it owns.</summary>
    public void Dispose()
    {
        _edited?.Dispose();
        foreach (LoadedPatch patch in _patches)
            patch.Dispose();
    }
}
