using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// A codebook at the last block: an image whose key lies within a radius of the failing one's gets a learned value
/// instead of what the block gives.
/// </summary>
/// <remarks>
/// Hartvigsen et al., "Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors", NeurIPS 2023. An
/// entry has a key, a radius ε and a value, which Adam learns and which takes the place of the layer's output for every
/// query no farther than ε from the key (Euclidean distance). Here the key is what the last FFN reads of [CLS], before
/// its norm's weight and bias; keys then all have one length, a ball about one of them is a half space,
/// ‖z−c‖² ≤ ε² where z·c ≥ (‖z‖²+‖c‖²−ε²)/2, and the entry is exactly one hidden unit, a <see cref="ReplacingUnit"/>,
/// in the model's own architecture. ε is relative to the keys' length, since widths differ. The published constants are
/// a step size of 1 from a random value; here a value starts as what the block gives for the failing image, steps are
/// relative to it, and they end where the image is right. Several images of one edit are one entry about their mean,
/// widened until it holds them. Not here: what becomes of radii in a sequence (a near key of the same label widens an
/// entry, one of another label splits both); where two entries overlap, the one in whose ball the image lies deeper
/// wins, which among equal radii is the nearer key, as after a split.
/// </remarks>
public sealed class Grace : IEditor
{
    // Images on the edge itself would be in by rounding.
    const double Beyond = 1.01;

    readonly Preparation _memory;
    readonly GraceSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">
    /// What <see cref="GateMemory"/> prepared, from which the unit is found that ordinary images need least; not owned.
    /// </param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Grace(Preparation memory, GraceSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<GraceSettings>(
            "grace",
            "images within a radius of the failing one get a learned value at the last block",
            "Hartvigsen et al., Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors, "
                + "NeurIPS 2023",
            (settings, resources) => new Grace(resources.Preparation(GateMemory.Kind), settings)
        )
        {
            ShortName = "GRACE",
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        return ReplacingUnit.Edit(
            split,
            failures,
            ordinary,
            (_, queries) => Ball(split.Model.Blocks[^1], queries, _settings.Radius),
            _settings.Token,
            Name,
            GraceSettings.Table.Describe(_settings),
            progress,
            cancellation
        );
    }

    /// <summary>
    /// A key and a bias such that x·key + bias is 1 − d²/ε², d the distance from x to the mean of some keys before the
    /// norm's weight and bias, and ε the radius, or more where one of them is farther.
    /// </summary>
    /// <param name="block">The block whose norm it is.</param>
    /// <param name="queries">What its FFN reads for these keys, <c>[S,D]</c>.</param>
    /// <param name="radius">The radius in lengths of a key.</param>
    internal static (Tensor Key, Tensor Bias) Ball(BlockWeights block, Tensor queries, double radius)
    {
        Tensor weight = block.Norm2Weight.to(ScalarType.Float64);
        Tensor bias = block.Norm2Bias.to(ScalarType.Float64);
        // Where the norm gives its bias alone, nothing of the key can be read.
        Tensor inverse = where(weight.eq(Held(0)), zeros_like(weight), weight.reciprocal());
        Tensor keys = (queries.to(ScalarType.Float64) - bias) * inverse; // [S,D]
        Tensor center = keys.mean([0]);
        double square = keys.Squared().sum(1).mean().Number();
        double farthest = (keys - center).Squared().sum(1).max().Number();
        double within = Math.Max(radius * radius * square, farthest * Beyond);
        double own = center.Squared().sum().Number();
        Tensor key = center * inverse * Held(2 / within);
        return (
            key.to(ScalarType.Float32),
            (-(key.dot(bias) + Held((square + own) / within - 1))).reshape(1).to(ScalarType.Float32)
        );
    }
}
