using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

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
/// widened until it holds them.
/// <para>
/// On a model that carries entries (<see cref="EditHistory"/>), an image near the nearest key of the same label widens
/// that entry's radius to the distance d and adds none; near one of another label, it splits: its own entry and the
/// near one get the radius d/2 at most. Near is published as d ≤ ε + the radius of a new entry; here it is half of
/// that, since keys of one length are no farther apart than two lengths. Where balls overlap, the one in which the
/// image lies deeper answers, not, as there, the one of the nearer key, so that every entry of another label in whose
/// ball the image lies is split. The patch is a change of the earlier edits' units in the model that carries them. An
/// image that is wrong yet when an entry is widened, for reasons outside the codebook, gets its own.
/// </para>
/// </remarks>
public sealed class Grace : IEditor
{
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
            "images within a radius of the failing one get a learned value at the last block, which later edits share",
            "Hartvigsen et al., Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors, "
                + "NeurIPS 2023",
            (settings, resources) => new Grace(resources.Preparation(GateMemory.Kind), settings)
        )
        {
            OneClass = "an entry of its codebook has one value",
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
        Codebook codebook = Codebook.Of(split.Model);
        Lazy<IdleUnits> idle = new(() => IdleUnits.Of(split.Model, ordinary.Queries));
        return Edits.OneByOne(
            failures,
            failure => Edit(split, failure, codebook, idle, progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Failure failure,
        Codebook codebook,
        Lazy<IdleUnits> idle,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor queries, Tensor after) = ReplacingUnit.Query(split, failure.State, Name);
        BlockWeights block = split.Model.Blocks[^1];
        double length = Length(block, queries);
        CodebookChange change = codebook.Change(queries, failure.Label, _settings.Radius * length, _settings.Near);
        if (change is { Radius: null, Entries.Count: > 0 })
        {
            TensorDelta wider = codebook.Resized(split.Space, change.Entries);
            using Tensor logits = split.Logits(failure.State, wider);
            if (Edits.IsRight(logits, failure.Label))
            {
                Tensor loss = -log_softmax(logits, 1).select(1, failure.Label).mean();
                return Result(wider, 0, [loss.item<float>()], change.Entries);
            }
            wider.Dispose();
        }
        if (change.Radius is null)
            change = codebook.Change(queries, failure.Label, _settings.Radius * length, near: -1);

        IdleUnit unit = idle.Value.Draw(queries);
        (Tensor key, Tensor bias, double radius) = Ball(block, queries, change.Radius!.Value / length);
        (TensorDelta added, int steps, IReadOnlyList<float> losses) = ReplacingUnit.Learn(
            split,
            failure,
            unit,
            after,
            (key, bias),
            _settings.Token,
            progress,
            cancellation
        );
        return Result(
            codebook.Resized(split.Space, change.Entries, added),
            steps,
            losses,
            [.. change.Entries, new CodebookEntry(unit.Index, failure.Label, radius)]
        );

        EditResult Result(
            TensorDelta delta,
            int taken,
            IReadOnlyList<float> before,
            IReadOnlyList<CodebookEntry> entries
        ) =>
            Edits.Result(
                split,
                failure,
                delta,
                Name,
                GraceSettings.Table.Describe(_settings),
                0,
                taken,
                before,
                codebook: entries
            );
    }

    /// <summary>
    /// A key and a bias such that x·key + bias is 1 − d²/ε², d the distance from x to the mean of some keys before the
    /// norm's weight and bias, and ε, in the units of a key, the radius, or more where one of them is farther.
    /// </summary>
    /// <param name="block">The block whose norm it is.</param>
    /// <param name="queries">What its FFN reads for these keys, <c>[S,D]</c>.</param>
    /// <param name="radius">The radius in lengths of a key.</param>
    internal static (Tensor Key, Tensor Bias, double Radius) Ball(BlockWeights block, Tensor queries, double radius)
    {
        (Tensor keys, Tensor inverse, Tensor bias) = Keys(block, queries);
        Tensor center = keys.mean([0]);
        double square = keys.Squared().sum(1).mean().Number();
        double farthest = (keys - center).Squared().sum(1).max().Number();
        double reach = Math.Max(radius * Math.Sqrt(square), Codebook.Holding(farthest));
        double within = reach * reach;
        double own = center.Squared().sum().Number();
        Tensor key = center * inverse * Held(2 / within);
        return (
            key.to(ScalarType.Float32),
            (-(key.dot(bias) + Held((square + own) / within - 1))).reshape(1).to(ScalarType.Float32),
            reach
        );
    }

    // Of some images' keys the root mean square of their lengths.
    static double Length(BlockWeights block, Tensor queries) =>
        Math.Sqrt(Keys(block, queries).Keys.Squared().sum(1).mean().Number());

    // Keys [S,D] of what an FFN reads, and the weight's inverse and the bias [D] of its norm, in float64.
    static (Tensor Keys, Tensor Inverse, Tensor Bias) Keys(BlockWeights block, Tensor queries)
    {
        Tensor weight = block.Norm2Weight.to(ScalarType.Float64);
        Tensor bias = block.Norm2Bias.to(ScalarType.Float64);
        // Where the norm gives its bias alone, nothing of the key can be read.
        Tensor inverse = where(weight.eq(Held(0)), zeros_like(weight), weight.reciprocal());
        return ((queries.to(ScalarType.Float64) - bias) * inverse, inverse, bias);
    }
}
