using Retouch.Data;
using Retouch.Editing;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// The images that earlier patches corrected, as an edit on top of them sees them: what the patches themselves remember
/// of them where that is enough, and else the images, where they still lie. Owns what it keeps of them.
/// </summary>
sealed class PromisedImages : IDisposable
{
    readonly SplitVit _split;
    readonly IReadOnlyList<EarlierImage> _remembered;
    readonly Tensor _tokens; // [N,D]
    readonly IReadOnlyList<EarlierImage> _read;
    readonly LocalitySet? _set;

    PromisedImages(
        SplitVit split,
        IReadOnlyList<EarlierImage> remembered,
        Tensor tokens,
        IReadOnlyList<EarlierImage> read,
        LocalitySet? set
    ) => (_split, _remembered, _tokens, _read, _set) = (split, remembered, tokens, read, set);

    /// <summary>How many there are.</summary>
    public int Count => _remembered.Count + _read.Count;

    /// <summary>Finds them; the caller disposes the result.</summary>
    /// <param name="earlier">The patches.</param>
    /// <param name="edited">The paths of the images that are edited now, which do not count.</param>
    /// <param name="split">The model with the patches, cut.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="memory">Bytes that may be kept in memory; null for a quarter of what the process may use.</param>
    /// <param name="events">Told which are found nowhere.</param>
    /// <param name="cancellation">Stops between images.</param>
    public static PromisedImages Load(
        EarlierPatches earlier,
        IReadOnlyList<string> edited,
        SplitVit split,
        Preprocessing preprocessing,
        long? memory,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        bool enough = earlier.KeepPrefix && split.Space.FirstBlock == split.Model.Config.Depth - 1;
        List<EarlierImage> remembered = [];
        List<EarlierImage> found = [];
        List<string> paths = [];
        int lost = 0;
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> tokens = [];
        foreach (EarlierImage image in earlier.Images(edited.Select(ImageRoots.Hash)))
        {
            if (enough && image.Token() is Tensor token)
            {
                remembered.Add(image);
                tokens.Add(token);
            }
            else if (image.Find() is string path)
            {
                found.Add(image);
                paths.Add(path);
            }
            else
                lost++;
        }
        LocalitySet? set = null;
        if (paths.Count > 0)
        {
            (set, IReadOnlyList<int> loaded, IReadOnlyList<(int File, Problem Why)> failed) = events.Progress(
                "reading what was corrected before",
                paths.Count,
                report =>
                    Locality.Load(
                        split,
                        new Locality.ImagePaths("images that were corrected before", null, paths),
                        preprocessing,
                        new Told<int>(done => report(done, null)),
                        memory,
                        null,
                        cancellation
                    )
            );
            found = [.. loaded.Select(i => found[i])];
            lost += failed.Count;
        }
        EarlierPatches.SayLost(lost, events);
        Tensor all = tokens.Count == 0 ? HeadTokens.None(split.Model.Config) : stack([.. tokens], 0);
        return new PromisedImages(split, remembered, all.DetachFromDisposeScope(), found, set);
    }

    /// <summary>What becomes of each image under an edit.</summary>
    /// <param name="change">The edit; null for none.</param>
    public IReadOnlyList<RememberedImage> Ask(ModelDelta? change)
    {
        IReadOnlyList<int> before = [.. Predict(null), .. _set?.Predictions ?? []];
        IReadOnlyList<int> after = change is null
            ? before
            : [.. Predict(change), .. _set?.Measure(change).After() ?? []];
        return
        [
            .. _remembered
                .Concat(_read)
                .Select(
                    (p, i) => new RememberedImage(p.Patch, p.Name, p.Label, before[i] == p.Label, after[i] == p.Label)
                ),
        ];
    }

    /// <summary>How many that are right an edit breaks.</summary>
    /// <param name="change">The edit.</param>
    public int Lost(ModelDelta change) => Ask(change).Count(i => i is { RightBefore: true, RightAfter: false });

    public void Dispose()
    {
        _tokens.Dispose();
        _set?.Dispose();
    }

    IReadOnlyList<int> Predict(ModelDelta? change)
    {
        VitModel model = _split.Model;
        string ffn = model.TokenFfnName;
        if (
            _remembered.Count == 0
            || change is null
            || change.Names.All(n => n.StartsWith(ffn, StringComparison.Ordinal))
        )
            return GateRepair.Predict(_split, _tokens, change);
        // The norms or the head, too: all of it lies behind what is remembered.
        using DisposeScope scope = NewDisposeScope();
        using VitModel changed = new(
            model.Tensors.ToDictionary(
                t => t.Key,
                t => change.Names.Contains(t.Key) ? change.Apply(t.Key, t.Value) : t.Value.alias()
            ),
            model.Config.Traits
        );
        return GateRepair.Predict(new SplitVit(changed, _split.Space), _tokens, null);
    }
}
