using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

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
    /// <param name="precision">In what an <see cref="EditSession"/> and <see cref="Predict"/> compute products with frozen weights.</param>
    /// <exception cref="ArgumentException">The space is not one of the model.</exception>
    public SplitVit(VitModel model, EditSpace space, Precision precision = Precision.Full)
    {
        if (space.Width != model.Config.Width || space.Hidden != model.Config.MlpWidth || space.LastBlock >= model.Config.Depth)
            throw new ArgumentException("The edit space is not one of this model.", nameof(space));
        (Model, Space, Precision) = (model, space, precision);
        _check = new Lazy<PrecisionCheck>(() => PrecisionCheck.Of(this));
    }

    /// <summary>Cuts <paramref name="model"/> at the paper's window, <see cref="EditSpace.Default"/>.</summary>
    public SplitVit(VitModel model, Precision precision = Precision.Full) : this(model, EditSpace.Default(model.Config), precision) { }

    SplitVit(VitModel model, SplitVit like) => (Model, Space, Precision, _check) = (model, like.Space, like.Precision, like._check);

    /// <summary>The same cut of a model that patches were applied to; what was measured of this one is taken to hold for it.</summary>
    /// <param name="edited">A model of the same architecture.</param>
    internal SplitVit Edited(VitModel edited) => edited.Config == Model.Config ? new SplitVit(edited, this) : throw new ArgumentException("The model is of another architecture.", nameof(edited));

    /// <summary>The model that was cut.</summary>
    public VitModel Model { get; }

    /// <summary>Where edits may change it.</summary>
    public EditSpace Space { get; }

    /// <summary>In what an <see cref="EditSession"/> and <see cref="Predict"/> compute frozen products; all else is float32.</summary>
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
        List<Tensor> residuals = [], outputs = [];
        using IEngine? engine = Space.FirstBlock < 0 ? null : Engines.Forward(Model, Precision.Full, (int)Math.Min(Chunk, pixels.shape[0]), 0, allTokens: true);
        foreach (Tensor images in pixels.split(Chunk))
        {
            using DisposeScope chunk = NewDisposeScope();
            Tensor x = Model.Embed(images);
            if (engine is not null)
            {
                if (Space.FirstBlock > 0)
                    x = engine.Forward(0, Space.FirstBlock - 1, x);
                Tensor attended = engine.Attend(Space.FirstBlock, x);
                residuals.Add(attended.MoveToOuterDisposeScope());
                outputs.Add(engine.FeedForward(Space.FirstBlock, attended).MoveToOuterDisposeScope());
                continue;
            }
            for (int i = 0; i < Space.FirstBlock; i++)
            {
                BlockWeights block = Model.Blocks[i];
                x = x.Plus(Model.Attention(block, Norm1(block, x)));
                x = x.Plus(Model.FeedForward(block, Norm2(block, x)));
            }
            if (Space.FirstBlock < 0)
            {
                residuals.Add(x.MoveToOuterDisposeScope());
                outputs.Add(x.clone().MoveToOuterDisposeScope());
                continue;
            }
            BlockWeights first = Model.Blocks[Space.FirstBlock];
            Tensor residual = x.Plus(Model.Attention(first, Norm1(first, x)));
            residuals.Add(residual.MoveToOuterDisposeScope());
            outputs.Add(residual.Plus(Model.FeedForward(first, Norm2(first, residual))).MoveToOuterDisposeScope());
        }
        GC.KeepAlive(Model);
        return new PrefixState(Space, cat(residuals, 0), cat(outputs, 0));
    }

    /// <summary>
    /// The state of images whose state is known under a model that differs from this one behind the cut alone,
    /// such as the one that patches were applied to: only the first editable FFN is computed.
    /// </summary>
    /// <param name="state">The images' prefix under the other model; stays the caller's.</param>
    /// <returns>The state of the same images; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The state is of another space.</exception>
    public PrefixState Rebase(PrefixState state)
    {
        Require(state.Space);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        BlockWeights first = Model.Blocks[Space.FirstBlock];
        List<Tensor> outputs = [];
        using IEngine? engine = Engines.Forward(Model, Precision.Full, Math.Min(Chunk, state.Images), Space.FirstBlock, allTokens: true);
        foreach (Tensor residual in state.Residual.split(Chunk))
        {
            using DisposeScope chunk = NewDisposeScope();
            outputs.Add((engine is not null ? engine.FeedForward(Space.FirstBlock, residual) : residual.Plus(Model.FeedForward(first, Norm2(first, residual)))).MoveToOuterDisposeScope());
        }
        PrefixState rebased = new(Space, state.Residual.alias(), cat(outputs, 0));
        KeepAlive(state, null);
        return rebased;
    }

    /// <summary>The class logits of images under the model with a delta added, or under the model itself, in float32.</summary>
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
        Tensor logits = delta is TensorDelta tensors ? new AutogradSuffix(this, Replaced(tensors)).Classify(Features(state, tensors)) : Model.Classify(Features(state, delta as WeightDelta, precision));
        KeepAlive(state, delta);
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>The features that the classifier and the hypernetwork read: [CLS] after the final norm, or the pooled patches.</summary>
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
        Tensor features = delta is TensorDelta tensors ? Features(state, tensors) : Features(state, delta as WeightDelta, Precision.Full);
        KeepAlive(state, delta);
        return features.MoveToOuterDisposeScope();
    }

    // Tensors that are in no scope: their owner, if the caller has dropped it, must outlive libtorch's last look at them.
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

    Tensor Features(PrefixState state, TensorDelta delta)
    {
        AutogradSuffix suffix = new(this, Replaced(delta));
        List<Tensor> features = [];
        for (int start = 0; start < state.Images; start += Chunk)
        {
            using DisposeScope chunk = NewDisposeScope();
            int count = Math.Min(Chunk, state.Images - start);
            features.Add(suffix.ClassFeatures(state.Residual.narrow(0, start, count), state.Output.narrow(0, start, count)).MoveToOuterDisposeScope());
        }
        return cat(features, 0);
    }

    Dictionary<string, Tensor> Replaced(TensorDelta delta) => delta.Names.ToDictionary(n => n, n => delta.Apply(n, Model.Tensors[n]));

    Tensor Features(PrefixState state, WeightDelta? delta, Precision precision)
    {
        if (Engines.Forward(Model, precision, Math.Min(Chunk, state.Images), Space.FirstBlock) is IEngine engine)
        {
            using (engine)
                return Features(engine, state, delta);
        }
        EditedFfn[] ffns = delta is null ? [] : [.. Enumerable.Range(0, Space.Blocks).Select(j => new EditedFfn(this, delta, j, precision))];
        List<Tensor> features = [];
        for (int start = 0; start < state.Images; start += Chunk)
        {
            using DisposeScope chunk = NewDisposeScope();
            int count = Math.Min(Chunk, state.Images - start);
            Tensor x = delta is null
                ? state.Output.narrow(0, start, count)
                : ffns[0].FirstBlock(state.Residual.narrow(0, start, count), state.Output.narrow(0, start, count));
            for (int i = Space.FirstBlock + 1; i < Model.Config.Depth; i++)
            {
                BlockWeights block = NarrowBlocks.Block(Model, i, precision);
                x = AttentionResidual(block, i, x);
                Tensor normed = Norm2(block, x);
                Tensor y = delta is not null && i <= Space.LastBlock ? ffns[i - Space.FirstBlock].Product(normed) : linear(Model.Activate(linear(normed, block.Fc1Weight, block.Fc1Bias)), block.Fc2Weight);
                x = Sum(x, y, block.Fc2Bias, block.Scale2);
            }
            features.Add(Model.Readout(x).MoveToOuterDisposeScope());
        }
        return cat(features, 0);
    }

    Tensor Features(IEngine engine, PrefixState state, WeightDelta? delta)
    {
        bool whole = false;
        for (int j = 0; delta is not null && j < Space.Blocks; j++)
            whole |= SetUnits(engine, delta, j);
        int first = Space.FirstBlock, last = Model.Config.Depth - 1;
        List<Tensor> features = [];
        for (int start = 0; start < state.Images; start += Chunk)
        {
            using DisposeScope chunk = NewDisposeScope();
            int count = Math.Min(Chunk, state.Images - start);
            Tensor residual = state.Residual.narrow(0, start, count), x = state.Output.narrow(0, start, count);
            if (delta is not null)
            {
                BlockWeights block = Model.Blocks[first];
                if (first == last && Model.Config.ReadsClassAlone)
                    (residual, x) = (residual.narrow(1, 0, 1), x.narrow(1, 0, 1));
                x = Sum(whole ? residual : x, engine.Contribution(residual), whole ? block.Fc2Bias : null, block.Scale2);
            }
            features.Add(Model.Readout(first < last ? engine.Forward(first + 1, last, x) : x).MoveToOuterDisposeScope());
        }
        return cat(features, 0);
    }

    // Gives an engine one patch's units of one block; of the first block both the new and, to be taken off, the old, unless
    // the new replace all of the FFN, which is the answer.
    bool SetUnits(IEngine engine, WeightDelta delta, int j)
    {
        BlockWeights block = Model.Blocks[Space.FirstBlock + j];
        int[] union = delta.Units.OfBlock(Space.FirstBlock + j);
        // Above half of the units all of them cost less.
        bool all = 2 * union.Length >= Space.Hidden;
        if (all)
            union = [.. Enumerable.Range(0, Space.Hidden)];
        using DisposeScope scope = NewDisposeScope();
        Tensor units = tensor([.. union.Select(u => (long)u)], ScalarType.Int64, block.Fc1Weight.device);
        Tensor old1 = block.Fc1Weight.index_select(0, units), old2 = block.Fc2Weight.t().index_select(0, units), bias = block.Fc1Bias.index_select(0, units);
        Tensor fc1 = Changed(FfnMatrix.Fc1, old1), fc2 = Changed(FfnMatrix.Fc2, old2);
        if (j == 0 && !all)
        {
            fc1 = cat([fc1, old1], 0);
            fc2 = cat([fc2, -old2], 0);
            bias = cat([bias, bias]);
        }
        engine.SetUnits(Space.FirstBlock + j, bias.unsqueeze(0), j == 0 || all ? null : Engines.Staying(Space.Hidden, [union]), some: false);
        engine.SetWeights(Space.FirstBlock + j, FfnMatrix.Fc1, fc1.unsqueeze(0), null, null, 0);
        engine.SetWeights(Space.FirstBlock + j, FfnMatrix.Fc2, fc2.unsqueeze(0), null, null, 0);
        return all && j == 0;

        Tensor Changed(FfnMatrix kind, Tensor old)
        {
            EditMatrix matrix = Space.Matrix(Space.FirstBlock + j, kind);
            int[] changed = delta.Units[matrix].ToArray();
            if (changed.Length == 0)
                return old;
            Tensor places = tensor([.. changed.Select(u => (long)Array.BinarySearch(union, u))], ScalarType.Int64, old.device);
            return old.index_add(0, places, delta.Rows[matrix.Index], Held(1));
        }
    }

    /// <summary>The first norm, float32, in the type of the block's products.</summary>
    internal Tensor Norm1(BlockWeights block, Tensor x) => As(block.Type, Model.Norm(x, block.Norm1Weight, block.Norm1Bias));

    /// <summary>The second norm, likewise.</summary>
    internal Tensor Norm2(BlockWeights block, Tensor x) => As(block.Type, Model.Norm(x, block.Norm2Weight, block.Norm2Bias));

    internal static Tensor As(ScalarType type, Tensor x) => x.dtype == type ? x : x.to(type);

    /// <summary>Tokens after a block's attention, <c>[N,T,D]</c>; of the last block [CLS] alone, <c>[N,1,D]</c>, where the classifier reads no other.</summary>
    internal Tensor AttentionResidual(BlockWeights block, int index, Tensor x)
    {
        VitConfig config = Model.Config;
        bool classAlone = index == config.Depth - 1 && config.ReadsClassAlone;
        long batch = x.shape[0], width = config.Width;
        Tensor normed = Norm1(block, x);
        Tensor query, keysValues;
        if (classAlone)
        {
            query = linear(normed.narrow(1, 0, 1), block.QkvWeight.narrow(0, 0, width));
            keysValues = linear(normed, block.QkvWeight.narrow(0, width, 2 * width));
        }
        else
        {
            Tensor qkv = linear(normed, block.QkvWeight);
            (query, keysValues) = (qkv.narrow(2, 0, width), qkv.narrow(2, width, 2 * width));
        }
        // Softmax does not see the keys' bias, and every mixture contains the values' bias once: it passes through the output product.
        Tensor? bias = block.ProjBias;
        if (block.QkvBias is not null)
        {
            query.Plus_(block.QkvBias.narrow(0, 0, width));
            bias = linear(block.QkvBias.narrow(0, 2 * width, width), block.ProjWeight, block.ProjBias);
        }
        Tensor mixed = scaled_dot_product_attention(Heads(query, 0), Heads(keysValues, 0), Heads(keysValues, width));
        Tensor y = linear(mixed.transpose(1, 2).reshape(batch, -1, width), block.ProjWeight);
        return Sum(classAlone ? x.narrow(1, 0, 1) : x, y, bias, block.Scale1);

        Tensor Heads(Tensor t, long first) => t.narrow(2, first, width).view(batch, -1, config.Heads, config.HeadWidth).transpose(1, 2); // [N,heads,T,D/heads]
    }

    /// <summary>A residual sum: tokens, and a product's output with its bias, scaled. A bias is cheaper added here than in the product, which would first fill its result with it.</summary>
    internal static Tensor Sum(Tensor x, Tensor y, Tensor? bias, Tensor? scale)
    {
        Tensor sum = x.Plus(VitModel.Scaled(y, scale));
        return bias is null ? sum : sum.Plus_(VitModel.Scaled(bias, scale));
    }

    /// <summary>The FFN of an editable block under one delta, for any number of images.</summary>
    sealed class EditedFfn
    {
        readonly SplitVit _split;
        readonly BlockWeights _block;
        readonly Tensor _fc1, _fc2;
        readonly (Tensor Fc1, Tensor Bias, Tensor Fc2)? _change; // what the touched units give from now on, less what they gave

        public EditedFfn(SplitVit split, WeightDelta delta, int block, Precision precision)
        {
            _split = split;
            _block = NarrowBlocks.Block(split.Model, split.Space.FirstBlock + block, precision);
            // Rounded after the sum: a delta is smaller than the weights' last bit, but not than their average.
            BlockWeights exact = split.Model.Blocks[split.Space.FirstBlock + block];
            _fc1 = As(_block.Type, delta.AddTo(EditMatrix.IndexOf(block, FfnMatrix.Fc1), exact.Fc1Weight));
            _fc2 = As(_block.Type, delta.AddTo(EditMatrix.IndexOf(block, FfnMatrix.Fc2), exact.Fc2Weight));
            if (block == 0)
            {
                int[] union = delta.Units.OfBlock(split.Space.FirstBlock);
                // Below half of the units the change of their contribution costs less than the whole FFN.
                if (2 * union.Length < split.Space.Hidden)
                {
                    Tensor touched = tensor([.. union.Select(u => (long)u)], ScalarType.Int64, _fc1.device), bias = _block.Fc1Bias.index_select(0, touched);
                    _change = (cat([_fc1.index_select(0, touched), _block.Fc1Weight.index_select(0, touched)]), cat([bias, bias]),
                        cat([_fc2.index_select(1, touched), -_block.Fc2Weight.index_select(1, touched)], 1));
                }
            }
        }

        /// <summary>The output without bias and scale.</summary>
        public Tensor Product(Tensor normed) => linear(_split.Model.Activate(linear(normed, _fc1, _block.Fc1Bias)), _fc2);

        public Tensor FirstBlock(Tensor residual, Tensor output)
        {
            if (_change is not (Tensor fc1, Tensor bias, Tensor fc2))
                return Sum(residual, Product(_split.Norm2(_block, residual)), _block.Fc2Bias, _block.Scale2);
            if (bias.NumberOfElements == 0)
                return output;
            return Sum(output, linear(_split.Model.Activate(linear(_split.Norm2(_block, residual), fc1, bias)), fc2), null, _block.Scale2);
        }
    }
}
