using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// A model cut where its first editable FFN begins: <see cref="Prefix"/> is what no edit can change and
/// runs once an image, the suffix is the rest and runs once a pass. The suffix computes the last block for
/// the [CLS] token only where the classifier reads no other. Does not own the model. Safe to use from
/// several threads.
/// </summary>
public sealed class SplitVit
{
    // Images that one pass takes at once: enough rows for full matrix products, few enough for the caches.
    int Chunk => VitCost.Of(Model.Config).ImagesTogether(16);

    readonly Lazy<PrecisionCheck> _check;

    /// <summary>Cuts <paramref name="model"/> before the first FFN of <paramref name="space"/>.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="space">Where edits may change it.</param>
    /// <param name="precision">
    /// In what an <see cref="EditSession"/> and <see cref="Predict"/> compute products with frozen weights.
    /// </param>
    /// <exception cref="ArgumentException">The space is not one of the model.</exception>
    public SplitVit(VitModel model, EditSpace space, Precision precision = Precision.Full)
    {
        if (
            space.LastBlock >= model.Config.Depth
            || space.FirstBlock >= 0 && space != new EditSpace(model.Config, space.FirstBlock, space.Blocks)
            || space.Width != model.Config.At(space.LastBlock).Width
            || space.Hidden != model.Config.At(space.LastBlock).MlpWidth
        )
            throw new ArgumentException("The edit space is not one of this model.", nameof(space));
        (Model, Space, Precision) = (model, space, precision);
        _check = new Lazy<PrecisionCheck>(() => PrecisionCheck.Of(this));
    }

    /// <summary>Cuts <paramref name="model"/> at the paper's window, <see cref="EditSpace.Default"/>.</summary>
    public SplitVit(VitModel model, Precision precision = Precision.Full)
        : this(model, EditSpace.Default(model.Config), precision) { }

    /// <summary>
    /// A model that is cut before its first block, for predictions: all of its blocks are computed in the precision
    /// that is wanted, where the processor has it and the model's predictions agree, else in float32.
    /// </summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="wanted">In what <see cref="Predict"/> computes products.</param>
    public static SplitVit Whole(VitModel model, Precision wanted = Precision.Checked) =>
        PrecisionChoice.Cut(model, EditSpace.BeforeAttention(model.Config, 0, 1), wanted);

    SplitVit(VitModel model, SplitVit like, EditSpace space) =>
        (Model, Space, Precision, _check) = (model, space, like.Precision, like._check);

    /// <summary>
    /// The same cut of a model that patches were applied to; what was measured of this one is taken to hold for it.
    /// </summary>
    /// <param name="edited">A model of the same architecture, but for hidden units that patches added.</param>
    internal SplitVit Edited(VitModel edited) =>
        edited.Config == Model.Config ? new SplitVit(edited, this, Space)
        : edited.Config with { MlpWidth = Model.Config.MlpWidth } == Model.Config
            ? new SplitVit(edited, this, new EditSpace(edited.Config, Space.FirstBlock, Space.Blocks))
        : throw new ArgumentException("The model is of another architecture.", nameof(edited));

    /// <summary>The model that was cut.</summary>
    public VitModel Model { get; }

    /// <summary>Where edits may change it.</summary>
    public EditSpace Space { get; }

    /// <summary>
    /// In what an <see cref="EditSession"/> and <see cref="Predict"/> compute frozen products; all else is float32.
    /// </summary>
    public Precision Precision { get; }

    /// <summary>How far bfloat16 is from float32 on this model, measured at the first use.</summary>
    public PrecisionCheck Check => _check.Value;

    /// <summary>Runs images up to the first editable FFN.</summary>
    /// <param name="pixels">Normalized images, <c>[N,3,S,S]</c>.</param>
    /// <returns>The state of the N images; the caller disposes it.</returns>
    public PrefixState Prefix(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<Tensor> residuals = [];
        List<Tensor> outputs = [];
        using IPrefixPass pass = Passes.Prefix(this, (int)Math.Min(Chunk, pixels.shape[0]));
        foreach (Tensor images in pixels.split(Chunk))
        {
            using DisposeScope chunk = NewDisposeScope();
            (Tensor residual, Tensor output) = pass.Run(Model.Embed(images));
            residuals.Add(residual.MoveToOuterDisposeScope());
            outputs.Add(output.MoveToOuterDisposeScope());
        }
        GC.KeepAlive(Model);
        return new PrefixState(Space, cat(residuals, 0), cat(outputs, 0));
    }

    /// <summary>
    /// The state of images whose state is known under a model that differs from this one after the cut alone,
    /// such as the one that patches were applied to: only the first editable FFN is computed.
    /// </summary>
    /// <param name="state">The images' prefix under the other model; stays the caller's.</param>
    /// <returns>The state of the same images; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The state is of another space.</exception>
    public PrefixState Rebase(PrefixState state)
    {
        // Tokens know nothing of hidden units.
        if (!state.Space.CutsAlike(Space))
            Require(state.Space);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<Tensor> outputs = [];
        using IPrefixPass pass = Passes.Prefix(this, Math.Min(Chunk, state.Images));
        foreach (Tensor residual in state.Residual.split(Chunk))
        {
            using DisposeScope chunk = NewDisposeScope();
            outputs.Add(pass.FeedForward(residual).MoveToOuterDisposeScope());
        }
        PrefixState rebased = new(Space, state.Residual.alias(), cat(outputs, 0));
        KeepAlive(state, null);
        return rebased;
    }

    /// <summary>
    /// The class logits of images under the model with a delta added, or under the model itself, in float32.
    /// </summary>
    /// <param name="state">The images' prefix.</param>
    /// <param name="delta">What the edit adds; null for the unedited model.</param>
    /// <returns><c>[N,C]</c>; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The state or the delta is of another space.</exception>
    public Tensor Logits(PrefixState state, ModelDelta? delta = null) => Logits(state, delta, Precision.Full);

    /// <summary>
    /// The class of each image: where <see cref="Logits(PrefixState, ModelDelta?)"/> are greatest. Unless everything is
    /// float32, or bfloat16 does not agree with it on this model, an image whose two greatest logits are nearer than
    /// <see cref="PrecisionCheck.Tolerance"/> is computed again in float32.
    /// </summary>
    /// <param name="state">The images' prefix.</param>
    /// <param name="delta">What the edit adds; null for the unedited model.</param>
    /// <exception cref="ArgumentException">The state or the delta is of another space.</exception>
    public int[] Predict(PrefixState state, ModelDelta? delta = null)
    {
        using DisposeScope scope = NewDisposeScope();
        // Other deltas go through the suffix in its plainest form, which is float32.
        if (Precision == Precision.Full || delta is TensorDelta || Model.Config.Classes == 1 || !Check.Agrees)
            return Classes(Logits(state, delta));
        Tensor rough = Logits(state, delta, Precision.Mixed);
        int[] classes = Classes(rough);
        Tensor best = rough.topk(2).values;
        float[] gaps = (best.select(1, 0) - best.select(1, 1)).cpu().data<float>().ToArray();
        // Not "gap < tolerance": a gap that is NaN must be looked at again, too.
        int[] close = [.. Enumerable.Range(0, gaps.Length).Where(i => !(gaps[i] >= Check.Tolerance))];
        if (close.Length > 0)
        {
            using PrefixState again = state.Select(close);
            foreach ((int place, int label) in Classes(Logits(again, delta)).Index())
                classes[close[place]] = label;
        }
        return classes;
    }

    static int[] Classes(Tensor logits) => [.. logits.argmax(1).cpu().data<long>().Select(c => (int)c)];

    internal Tensor Logits(PrefixState state, ModelDelta? delta, Precision precision)
    {
        Require(state.Space);
        if (delta is not null)
            Require(delta.Space);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor logits;
        if (delta is TensorDelta)
        {
            AutogradSuffix suffix = new(this, Replaced(delta));
            logits = suffix.Classify(Chunks(state, suffix.ClassFeatures));
        }
        else
            logits = Model.Classify(Features(state, delta as WeightDelta, precision));
        KeepAlive(state, delta);
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The features that the classifier and the hypernetwork read: [CLS] after the final norm, or the pooled patches.
    /// </summary>
    /// <param name="state">The images' prefix.</param>
    /// <param name="delta">What the edit adds; null for the unedited model.</param>
    /// <returns><c>[N,D]</c>; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The state or the delta is of another space.</exception>
    public Tensor ClassFeatures(PrefixState state, ModelDelta? delta = null)
    {
        Require(state.Space);
        if (delta is not null)
            Require(delta.Space);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor features =
            delta is TensorDelta
                ? Features(state, Replaced(delta))
                : Features(state, delta as WeightDelta, Precision.Full);
        KeepAlive(state, delta);
        return features.MoveToOuterDisposeScope();
    }

    // Tensors that are in no scope: their owner, if the caller has dropped it, must outlive libtorch's last look at
    // them.
    void KeepAlive(PrefixState state, ModelDelta? delta)
    {
        GC.KeepAlive(state);
        GC.KeepAlive(delta);
        GC.KeepAlive(Model);
    }

    internal void Require(EditSpace space)
    {
        if (space != Space)
            throw new ArgumentException("The prefix state, selection or delta is of another edit space.");
    }

    Tensor Features(PrefixState state, Dictionary<string, Tensor> replaced) =>
        Chunks(state, new AutogradSuffix(this, replaced).ClassFeatures);

    Tensor Features(PrefixState state, WeightDelta? delta, Precision precision)
    {
        // The faster passes are written for plain blocks.
        if (!Model.Config.HasPlainBlocks)
            return Features(state, delta is null ? [] : Replaced(delta));
        using ISuffixPass pass = Passes.Suffix(this, delta, precision, Math.Min(Chunk, state.Images));
        return Chunks(state, (residual, output) => Model.Readout(pass.LastTokens(residual, output)));
    }

    Tensor Chunks(PrefixState state, Func<Tensor, Tensor, Tensor> features)
    {
        List<Tensor> all = [];
        for (int start = 0; start < state.Images; start += Chunk)
        {
            using DisposeScope chunk = NewDisposeScope();
            int count = Math.Min(Chunk, state.Images - start);
            Tensor residual = state.Residual.narrow(0, start, count);
            Tensor output = state.Output.narrow(0, start, count);
            all.Add(features(residual, output).MoveToOuterDisposeScope());
        }
        return cat(all, 0);
    }

    Dictionary<string, Tensor> Replaced(ModelDelta delta) =>
        delta.Names.ToDictionary(n => n, n => delta.Apply(n, Model.Tensors[n]));
}
