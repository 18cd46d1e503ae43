using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Vit;

/// <summary>
/// A vision transformer classifier as mathematics: weights that never change, and the plain forward pass.
/// Owns its tensors (float32) and frees them on disposal. Safe to use from several threads.
/// </summary>
public sealed class VitModel : IDisposable
{
    readonly Dictionary<string, Tensor> _tensors;
    readonly Lazy<string> _fingerprint;
    readonly ConcurrentDictionary<Type, Lazy<IDisposable>> _derived = [];

    /// <summary>
    /// Builds a model from its tensors under canonical names (<see cref="VitNames"/>), taking ownership of them.
    /// </summary>
    /// <param name="tensors">float32 tensors; all of the architecture's and no others.</param>
    /// <param name="heads">The number of attention heads, or null for one head for 64 channels.</param>
    /// <exception cref="BadInputException">
    /// A tensor is missing, misshapen, unknown, or holds a value that is not finite; the message names it.
    /// Ownership has not passed then.
    /// </exception>
    public VitModel(IReadOnlyDictionary<string, Tensor> tensors, int? heads = null)
        : this(tensors, new VitTraits { Heads = heads }) { }

    /// <summary>The same for a model that differs from the usual in more than its heads.</summary>
    /// <param name="tensors">float32 tensors; all of the architecture's and no others.</param>
    /// <param name="traits">What the tensors do not show.</param>
    /// <exception cref="BadInputException">
    /// A tensor is missing, misshapen, unknown, or holds a value that is not finite; the message names it.
    /// Ownership has not passed then.
    /// </exception>
    public VitModel(IReadOnlyDictionary<string, Tensor> tensors, VitTraits traits)
        : this(tensors, traits, name => name) { }

    /// <summary>The same, with tensors named in messages as a file names them.</summary>
    /// <param name="tensors">float32 tensors; all of the architecture's and no others.</param>
    /// <param name="traits">What the tensors do not show.</param>
    /// <param name="spelled">From a canonical name to the file's.</param>
    /// <exception cref="BadInputException">As above.</exception>
    internal VitModel(IReadOnlyDictionary<string, Tensor> tensors, VitTraits traits, Func<string, string> spelled)
    {
        Config = VitInference.Infer(tensors.ToDictionary(t => t.Key, t => t.Value.shape), traits, spelled);
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (tensor.dtype != ScalarType.Float32)
                throw new ArgumentException(
                    $"{name} is {tensor.dtype}; a model's tensors are float32.",
                    nameof(tensors)
                );
            // Else the garbage collector may free what is in between while libtorch reads it.
            using DisposeScope scope = NewDisposeScope();
            if (!tensor.isfinite().all().item<bool>())
                throw BadInput.Damaged(null, $"The tensor {spelled(name)} holds NaN or infinite values.");
        }

        _tensors = tensors.ToDictionary(t => t.Key, t => Own(t.Value));
        Blocks =
        [
            .. Enumerable.Range(0, Config.Depth).Select(i => BlockWeights.Of(Config, i, _tensors.GetValueOrDefault)),
        ];
        TokenFfn = Config.PoolsByAttention ? BlockWeights.OfPool(Config, _tensors.GetValueOrDefault) : Blocks[^1];
        OnCpu = _tensors.Values.All(t => t.device_type == DeviceType.CPU);
        _fingerprint = new Lazy<string>(() => ComputeFingerprint(null));
    }

    /// <summary>The architecture.</summary>
    public VitConfig Config { get; }

    /// <summary>
    /// What names this model: SHA-256, in lower-case hexadecimal, over its tensors in ordinal order of
    /// canonical names, each as name, shape and float32 bytes. Two files of the same weights under
    /// different naming schemes have the same fingerprint.
    /// </summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>
    /// The fingerprint that the model has where its weights are stored in a narrower type: each rounded to it, and
    /// widened again.
    /// </summary>
    /// <param name="type">float16 or bfloat16.</param>
    public string FingerprintAs(ScalarType type) => ComputeFingerprint(type);

    /// <summary>The model's tensors by canonical name; they belong to the model and must not be changed.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    internal BlockWeights[] Blocks { get; }

    /// <summary>
    /// The block whose FFN is the last that a token goes through: the last one, or where the classifier reads what
    /// attention pools, the pool's own, which has one token an image.
    /// </summary>
    internal BlockWeights TokenFfn { get; }

    /// <summary>Whether its norm stands after its FFN.</summary>
    internal bool NormsAfterTokenFfn => Config.Block.PostNorm && !Config.PoolsByAttention;

    /// <summary>What stands before the names of its FFN's tensors.</summary>
    internal string TokenFfnName =>
        Config.PoolsByAttention ? VitNames.Pool("mlp.") : VitNames.Block(Config.Depth - 1, "mlp.");

    /// <summary>
    /// The logits of the tokens that <see cref="TokenFfn"/> has made: of one an image <c>[B,D]</c>, of all or of those
    /// in front and some patches <c>[B,M,D]</c>, to <c>[B,C]</c>.
    /// </summary>
    internal Tensor ClassifyTokens(Tensor after) =>
        Classify(
            Config.PoolsByAttention ? Readouts.OfToken(this, after, _tensors.GetValueOrDefault)
            : after.dim() == 3 ? Readout(after)
            : Readout(after.unsqueeze(1))
        );

    /// <summary>Whether all of the model lies in this machine's memory.</summary>
    internal bool OnCpu { get; }

    /// <summary>
    /// What faster passes make of the weights once and read at every pass, such as matrices packed for kernels: one of
    /// a type, made at its first use, owned by the model and disposed with it.
    /// </summary>
    /// <param name="make">Makes it; called once.</param>
    internal T Derived<T>(Func<VitModel, T> make)
        where T : class, IDisposable =>
        (T)_derived.GetOrAdd(typeof(T), _ => new Lazy<IDisposable>(() => make(this))).Value;

    /// <summary>The class logits of images, computed in the plainest way: the oracle of every faster path.</summary>
    /// <param name="pixels">Normalized images, <c>[B,3,S,S]</c>.</param>
    /// <returns><c>[B,C]</c>; the caller disposes it.</returns>
    public Tensor Logits(Tensor pixels) => Logits(pixels, _tensors);

    /// <summary>
    /// The same with some or all tensors replaced, for whoever needs gradients with respect to weights.
    /// </summary>
    /// <param name="pixels">Normalized images, <c>[B,3,S,S]</c>.</param>
    /// <param name="weights">All tensors by canonical name.</param>
    /// <returns><c>[B,C]</c>; the caller disposes it.</returns>
    public Tensor Logits(Tensor pixels, IReadOnlyDictionary<string, Tensor> weights)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Embed(pixels, weights);
        for (int i = 0; i < Config.Depth; i++)
        {
            BlockWeights block = BlockWeights.Of(Config, i, weights.GetValueOrDefault);
            x = AfterAttention(block, x);
            x = AfterFeedForward(block, x);
        }
        Tensor read = Readout(x, weights.GetValueOrDefault); // [B,D]
        Tensor logits = Classify(read, weights.GetValueOrDefault).MoveToOuterDisposeScope();
        GC.KeepAlive(weights); // and what they hold, which need not be in a scope
        return logits;
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values)
            tensor.Dispose();
        foreach (Lazy<IDisposable> derived in _derived.Values.Where(d => d.IsValueCreated))
            derived.Value.Dispose();
    }

    internal Tensor Embed(Tensor pixels) => Embed(pixels, _tensors);

    /// <summary>
    /// What the classifier reads of the tokens after the last block: <c>[B,T,D]</c>, or of [CLS] alone <c>[B,1,D]</c>,
    /// to <c>[B,D]</c>.
    /// </summary>
    internal Tensor Readout(Tensor x) => Readout(x, _tensors.GetValueOrDefault);

    /// <summary>The same with other tensors after the last block.</summary>
    /// <param name="x">The tokens.</param>
    /// <param name="weights">Tensors by canonical name.</param>
    internal Tensor Readout(Tensor x, Func<string, Tensor?> weights) => Readouts.Read(this, x, weights);

    internal Tensor Classify(Tensor read) => Classify(read, _tensors.GetValueOrDefault);

    /// <summary>The classifier: <c>[B,D]</c> to <c>[B,C]</c>.</summary>
    internal Tensor Classify(Tensor read, Func<string, Tensor?> weights) => Readouts.Classify(this, read, weights);

    internal Tensor Norm(Tensor x, Tensor weight, Tensor bias) =>
        layer_norm(x, weight.shape, weight, bias, Config.NormEpsilon);

    Tensor Embed(Tensor pixels, IReadOnlyDictionary<string, Tensor> weights)
    {
        long batch = pixels.shape[0];
        long stride = Config.PatchSize;
        Tensor x = conv2d(
                pixels,
                weights[VitNames.PatchWeight],
                weights.GetValueOrDefault(VitNames.PatchBias),
                strides: [stride, stride]
            ) // [B,D,G,G]
            .flatten(2)
            .transpose(1, 2);
        Tensor? positions = weights.GetValueOrDefault(VitNames.Positions);
        if (positions is not null && !Config.PrefixPositions)
            x = x.Plus(positions);
        Tensor[] prefix =
        [
            .. ((string[])[VitNames.ClassToken, VitNames.Registers])
                .Where(weights.ContainsKey)
                .Select(n => weights[n].expand(batch, -1, -1)),
        ];
        // Registers without positions come between when those are added.
        Tensor? late = Config.PrefixPositions && !Config.RegisterPositions ? prefix[^1] : null;
        if (late is not null)
            prefix = prefix[..^1];
        if (prefix.Length > 0)
            x = cat([.. prefix, x], 1); // [B,T,D]
        if (positions is not null && Config.PrefixPositions)
            x = x.Plus(positions);
        if (late is not null)
            x = cat([x.narrow(1, 0, 1), late, x.narrow(1, 1, x.shape[1] - 1)], 1);
        return Config.PreNorm ? Norm(x, weights[VitNames.PreNormWeight], weights[VitNames.PreNormBias]) : x;
    }

    /// <summary>The tokens after a block's attention: <c>[B,T,D]</c> of those before it.</summary>
    /// <param name="block">The block.</param>
    /// <param name="x">The tokens; of a block that merges, four times as many of the width before.</param>
    /// <param name="classAlone">Whether [CLS] alone is wanted: <c>[B,1,D]</c>.</param>
    internal Tensor AfterAttention(BlockWeights block, Tensor x, bool classAlone = false)
    {
        if (block.Place.Merges)
            x = Windows.Merged(this, block, x);
        Tensor kept = classAlone ? x.narrow(1, 0, 1) : x;
        return Config.Block.PostNorm
            ? kept.Plus(Norm(Attention(block, x, classAlone), block.Norm1Weight, block.Norm1Bias))
            : kept.Plus(Attention(block, Norm(x, block.Norm1Weight, block.Norm1Bias), classAlone));
    }

    /// <summary>The tokens after a block's feed-forward network, of those before it.</summary>
    internal Tensor AfterFeedForward(BlockWeights block, Tensor x) =>
        Config.Block.PostNorm
            ? x.Plus(Norm(FeedForward(block, x), block.Norm2Weight, block.Norm2Bias))
            : x.Plus(FeedForward(block, Norm(x, block.Norm2Weight, block.Norm2Bias)));

    internal Tensor Attention(BlockWeights block, Tensor x, bool classAlone = false)
    {
        int grid = block.Place.Window > 0 ? Windows.Grid(x.shape[1]) : 0;
        if (grid > 0)
            x = Windows.Cut(block.Place, grid, x);
        long batch = x.shape[0];
        long tokens = x.shape[1];
        int heads = block.Place.Heads;
        Tensor qkv = linear(x, block.QkvWeight, block.QkvBias)
            .view(batch, tokens, 3, heads, block.Place.Width / heads)
            .permute(2, 0, 3, 1, 4); // [3,B,heads,T,D/heads]
        (Tensor query, Tensor key) = (qkv[0], qkv[1]);
        if (block.QueryNormWeight is not null)
        {
            query = Norm(query, block.QueryNormWeight, block.QueryNormBias!);
            key = Norm(key, block.KeyNormWeight!, block.KeyNormBias!);
        }
        if (Config.Block.Rope is not null)
            (query, key) = (Turned(query), Turned(key));
        Tensor? bias = PositionTables.Bias(this, block, grid, batch);
        if (classAlone)
            (query, bias) = (query.narrow(2, 0, 1), bias?.narrow(2, 0, 1));
        Tensor mixed = scaled_dot_product_attention(query, key, qkv[2], attn_mask: bias);
        mixed = mixed.transpose(1, 2).reshape(batch, -1, block.Place.Width);
        if (block.MixedNormWeight is not null)
            mixed = Norm(mixed, block.MixedNormWeight, block.MixedNormBias!);
        mixed = linear(mixed, block.ProjWeight, block.ProjBias);
        if (grid > 0)
            mixed = Windows.Joined(block.Place, grid, mixed);
        return Scaled(mixed, block.Scale1);
    }

    internal Tensor FeedForward(BlockWeights block, Tensor x)
    {
        Tensor hidden = linear(x, block.Fc1Weight, block.Fc1Bias);
        Tensor? gate = block.GateWeight is null ? null : linear(x, block.GateWeight, block.GateBias);
        return Scaled(linear(Key(block, hidden, gate), block.Fc2Weight, block.Fc2Bias), block.Scale2);
    }

    /// <summary>What fc2 reads of what fc1 gives: the hidden units, activated or gated, <c>[…,H]</c>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="hidden">What fc1 gives.</param>
    /// <param name="gate">What the gates give before the activation; null without gates.</param>
    internal Tensor Key(BlockWeights block, Tensor hidden, Tensor? gate)
    {
        Tensor key = gate is null ? Activate(hidden) : Activate(gate) * hidden;
        return block.HiddenNormWeight is null ? key : Norm(key, block.HiddenNormWeight, block.HiddenNormBias!);
    }

    // Queries or keys, those of patches turned by their positions.
    Tensor Turned(Tensor x)
    {
        Tensor patches = PositionTables
            .Of(this)
            .Turned(x.narrow(2, Config.PrefixTokens, x.shape[2] - Config.PrefixTokens));
        return Config.PrefixTokens == 0 ? patches : cat([x.narrow(2, 0, Config.PrefixTokens), patches], 2);
    }

    internal Tensor Activate(Tensor x) =>
        Config.Activation switch
        {
            VitActivation.QuickGelu => x * (x * Held(1.702)).sigmoid(),
            VitActivation.GeluTanh => x
                * Held(0.5)
                * ((x.Plus(x.pow(Held(3)) * Held(0.044715)) * Held(Math.Sqrt(2 / Math.PI))).tanh() + Held(1)),
            VitActivation.Silu => silu(x),
            _ => gelu(x),
        };

    internal static Tensor Scaled(Tensor x, Tensor? scale) => scale is null ? x : x * scale;

    static Tensor Own(Tensor tensor)
    {
        if (tensor.is_contiguous())
            return tensor.DetachFromDisposeScope();
        Tensor copy = tensor.contiguous().DetachFromDisposeScope();
        tensor.Dispose();
        return copy;
    }

    string ComputeFingerprint(ScalarType? rounding)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in _tensors.Keys.Order(StringComparer.Ordinal))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor tensor = _tensors[name].cpu().contiguous();
            if (rounding is ScalarType narrow)
                tensor = tensor.to(narrow).to(ScalarType.Float32);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0[{string.Join(",", tensor.shape)}]\0"));
            hash.AppendData(tensor.bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
