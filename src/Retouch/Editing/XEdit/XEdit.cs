using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Null-space constrained editing of several layers: each of the last fc2 learns a part of what [CLS] lacks, in
/// directions that ordinary [CLS] keys do not use.
/// </summary>
/// <remarks>
/// X-Edit (Liu et al., MICCAI 2026, arXiv 2605.24932), <see cref="AlphaEdit"/> on [CLS] keys. First the target z of
/// each layer, under the unedited model: what fc2 gives for [CLS] plus a δ that 25 steps of Adam find, cross-entropy
/// plus 0.01·‖δ‖², and ‖δ‖ at most 0.75·‖z‖. Then, from the first layer on, layer i of m takes of what is missing the
/// share R = (z − present output)/(m − i), with the keys K that it reads by then, and Δ solves
/// (P·(K·Kᵀ + ΣK₁·K₁ᵀ) + λ·I)·Δ = P·K·Rᵀ, here in an equal form that inverts as many rows as there are images; W
/// becomes W + Δᵀ. P projects on the eigenvectors of the ordinary keys' second moment (<see cref="ClassKeys"/>) below a
/// bound. The layers are the blocks of the edit space: the last three unless others are named (the published code names
/// blocks 8 to 11). The sum is over the keys K₁ of the edits by this method that the model carries, which is what makes
/// it lifelong: what fc2 gives for these keys stays as it is. A patch holds its keys (<see cref="Patch.Keys"/>), and
/// the model that it is applied to their sum (<see cref="EditHistory"/>), of at most as many rows as a key has numbers;
/// a model that was written to a file does not know it any more.
/// </remarks>
public sealed class XEdit : IEditor
{
    readonly Preparation _keys;
    readonly XEditSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="keys">What <see cref="ClassKeys"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public XEdit(Preparation keys, XEditSettings? settings = null)
    {
        (_keys, _settings) = (keys, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<XEditSettings>(
            "x-edit",
            "a change of the last three fc2 in directions that ordinary and earlier edits' [CLS] keys do not use",
            "Liu et al., X-Edit, MICCAI 2026",
            (settings, resources) => new XEdit(resources.Preparation(ClassKeys.Kind), settings)
        )
        {
            OneClass = "it puts one value to one key",
            ShortName = "X-Edit",
            Window = EditSpace.Last,
            NewPreparation = () => new ClassKeys(),
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
        _keys.Require(ClassKeys.Kind, split);
        split.Model.Config.RequireClassToken("X-Edit");
        EditSpace space = split.Space;
        Tensor[] projections =
        [
            .. Enumerable
                .Range(space.FirstBlock, space.Blocks)
                .Select(b => ClassKeys.Projection(_keys, b, space.Hidden, _settings.NullBound)),
        ];
        return Edits.OneByOne(
            failures,
            failure => Edit(split, projections, failure, progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Tensor[] projections,
        Failure failure,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        EditSpace space = split.Space;
        Layer[] layers = Layers(split, failure, null);
        Tensor[] targets = new Tensor[layers.Length];
        List<float> losses = [];
        int steps = 0;
        foreach ((int i, Layer layer) in layers.Index())
        {
            (targets[i], int taken, List<float> before) = Target(
                split,
                failure,
                space.FirstBlock + i,
                layer,
                progress,
                cancellation
            );
            steps += taken;
            losses.AddRange(before);
        }

        using IDisposable noGrad = no_grad();
        IReadOnlyDictionary<string, KeySum> sums = EditHistory.Of(split.Model).Keys;
        Dictionary<string, Tensor> keys = [];
        Dictionary<string, TensorChange> changes = [];
        Dictionary<string, Tensor> edited = [];
        for (int i = 0; i < layers.Length; i++)
        {
            Layer present = i == 0 ? layers[0] : Layers(split, failure, edited)[i];
            Tensor missing = (targets[i] - present.Values) / Held(layers.Length - i); // R [S,D]
            string name = VitNames.Block(space.FirstBlock + i, "mlp.fc2.weight");
            (Tensor left, Tensor right) = Change(
                present.Keys,
                missing,
                projections[i].to(present.Keys.device),
                _settings.Regularization,
                sums.GetValueOrDefault(name)?.Factor.to(present.Keys.device)
            );
            keys[name] = present.Keys.clone().DetachFromDisposeScope();
            changes[name] = TensorChange.AddProduct(left, right);
            edited[name] = changes[name].Apply(split.Model.Tensors[name]);
        }
        return Edits.Result(
            split,
            failure,
            new TensorDelta(space, changes),
            Name,
            XEditSettings.Table.Describe(_settings),
            0,
            steps,
            losses,
            keys: keys
        );
    }

    /// <summary>
    /// Δᵀ as a product <c>[D,S]·[S,H]</c>, where Δ solves (P·(K·Kᵀ + ΣK₁·K₁ᵀ) + λ·I)·Δ = P·K·Rᵀ; in the caller's
    /// dispose scope.
    /// </summary>
    /// <param name="keys">Kᵀ, <c>[S,H]</c>.</param>
    /// <param name="missing">R, a row an image, <c>[S,D]</c>.</param>
    /// <param name="projection">P, <c>[H,H]</c>.</param>
    /// <param name="regularization">λ.</param>
    /// <param name="earlier">F with FᵀF = ΣK₁·K₁ᵀ, <c>[r,H]</c>, or null where there is no earlier edit.</param>
    internal static (Tensor Left, Tensor Right) Change(
        Tensor keys,
        Tensor missing,
        Tensor projection,
        double regularization,
        Tensor? earlier = null
    )
    {
        if (earlier is not null)
        {
            // Hardly anything may be left of a key beside the others.
            Tensor wide = projection.to(ScalarType.Float64);
            (Tensor left, Tensor right) = Change(
                keys.to(ScalarType.Float64),
                missing.to(ScalarType.Float64),
                wide,
                earlier.to(ScalarType.Float64),
                regularization
            );
            return (left.to(keys.dtype), right.to(keys.dtype));
        }
        Tensor projected = mm(keys, projection); // KᵀP [S,H]
        return (Solve(projected, keys, missing, regularization), projected);
    }

    // Δ = P·Δ, so that the sum counts as GᵀG with G = F·P; and λ·KᵀP·(GᵀG + λ·I)⁻¹ = KᵀP − KᵀP·Gᵀ·(G·Gᵀ + λ·I)⁻¹·G.
    static (Tensor Left, Tensor Right) Change(
        Tensor keys,
        Tensor missing,
        Tensor projection,
        Tensor earlier,
        double regularization
    )
    {
        Tensor projected = mm(keys, projection);
        Tensor others = mm(earlier, projection); // G [r,H]
        Tensor gram = mm(others, others.t());
        Tensor shares = linalg.solve(gram.Plus(Ridge(gram, regularization)), mm(others, projected.t())); // [r,S]
        Tensor free = projected - mm(shares.t(), others);
        return (Solve(free, keys, missing, regularization), free);
    }

    static Tensor Solve(Tensor free, Tensor keys, Tensor missing, double regularization)
    {
        Tensor gram = mm(free, keys.t()); // KᵀPK [S,S] or what earlier edits leave of it
        return linalg.solve(gram.Plus(Ridge(gram, regularization)), missing).t();
    }

    static Tensor Ridge(Tensor gram, double weight) =>
        eye(gram.shape[0], dtype: gram.dtype, device: gram.device) * Held(weight);

    // What an fc2 would have to give for [CLS] so that images get their label, [S,D].
    (Tensor Target, int Steps, List<float> Losses) Target(
        SplitVit split,
        Failure failure,
        int block,
        Layer layer,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        AutogradSuffix suffix = new(split);
        Tensor others = layer.Tokens.narrow(1, 1, layer.Tokens.shape[1] - 1);
        Tensor longest = layer.Values.norm(1, true) * Held(_settings.MaxChange); // [S,1]
        Tensor change = zeros_like(layer.Values, requires_grad: true); // δ [S,D]
        (int steps, List<float> losses) = LeafDescent.Run(
            [change],
            [failure.Label],
            () =>
            {
                Tensor own = layer
                    .Tokens.narrow(1, 0, 1)
                    .Plus(VitModel.Scaled(change, split.Model.Blocks[block].Scale2).unsqueeze(1));
                Tensor last = suffix.LastTokensAfter(block, cat([own, others], 1));
                return (suffix.Classify(suffix.Readout(last)), change.Squared().sum(1).mean() * Held(_settings.Decay));
            },
            _settings.LearningRate,
            _settings.MaxSteps,
            stopLoss: -1,
            Clamp,
            progress,
            cancellation
        );
        return (layer.Values.Plus(change.detach()), steps, losses);

        void Clamp()
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            change.mul_((longest / change.norm(1, true)).clamp_max(Held(1)));
        }
    }

    // Each FFN of the space, with some tensors replaced.
    static Layer[] Layers(SplitVit split, Failure failure, IReadOnlyDictionary<string, Tensor>? replaced)
    {
        using IDisposable noGrad = no_grad();
        EditSpace space = split.Space;
        MatrixProbe probe = new(space);
        AutogradSuffix suffix = new(split, replaced, probe.Visit);
        Layer[] layers = new Layer[space.Blocks];
        Tensor x = failure.State.Residual;
        for (int i = 0; i < layers.Length; i++)
        {
            int block = space.FirstBlock + i;
            x = i == 0 ? suffix.AfterFfn(block, x) : suffix.AfterBlock(block, x);
            layers[i] = new Layer(
                probe.Input(block, FfnMatrix.Fc2).select(1, 0),
                probe.Output(block, FfnMatrix.Fc2).select(1, 0),
                x
            );
        }
        return layers;
    }

    // For [CLS] the keys [S,H] and values [S,D] of its fc2; and all tokens after it, [S,M,D].
    readonly record struct Layer(Tensor Keys, Tensor Values, Tensor Tokens);
}
