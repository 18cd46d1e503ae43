using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.linalg;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The last FFN on [CLS] alone, with hidden units that are made to be gates. Owns nothing; its tensors lie in the scope
/// in which it was made.
/// </summary>
sealed class LastFfn
{
    // Of the mean variance, in the metric of what is read.
    const double Damping = 0.1;

    // Of the likeliest classes, in the metric of what is written.
    const int Likeliest = 8;
    const double HeadShare = 0.1;
    const double Ridge = 0.03;

    readonly BlockWeights _block;

    readonly VitModel _unedited;
    readonly Tensor _covariance;
    readonly Tensor _damped;

    /// <summary>Looks at a model with ordinary images.</summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="idle">The units that gates may take, those first that are needed least.</param>
    /// <param name="unedited">The model whose answers ordinary images are to keep.</param>
    public LastFfn(VitModel model, OrdinaryTokens ordinary, IReadOnlyList<IdleUnit> idle, VitModel unedited)
    {
        (Model, Ordinary, Idle, _block, _unedited) = (model, ordinary, idle, model.Blocks[^1], unedited);
        Mean = ordinary.Queries.mean([0]);
        Tensor centred = ordinary.Queries - Mean;
        _covariance = mm(centred.t(), centred) / Held(centred.shape[0]); // [D,D]
        _damped = _covariance.Plus(
            eye(_covariance.shape[0], device: _covariance.device) * (_covariance.diagonal().mean() * Held(Damping))
        );
        Precision = inv(_damped);
    }

    public VitModel Model { get; }

    public OrdinaryTokens Ordinary { get; }

    public IReadOnlyList<IdleUnit> Idle { get; }

    /// <summary>The mean of what the FFN reads of ordinary images, <c>[D]</c>.</summary>
    public Tensor Mean { get; }

    /// <summary>The damped covariance's inverse, <c>[D,D]</c>.</summary>
    public Tensor Precision { get; }

    /// <summary>
    /// What makes what the FFN reads about as varied in all directions, <c>[D,D]</c>: the root of the damped
    /// covariance's inverse, so that a squared difference is about D; in the caller's scope.
    /// </summary>
    public Tensor Whitening()
    {
        (Tensor values, Tensor vectors) = eigh(_damped);
        Tensor root = mm(vectors / values.sqrt(), vectors.t());
        return root * (Held(Math.Sqrt(_covariance.shape[0])) / (root * mm(_covariance, root)).sum().sqrt());
    }

    /// <summary>What the unedited model says of ordinary images, <c>[N,C]</c>; in the caller's scope.</summary>
    public Tensor Said() => Evidence.Logits(_unedited, Ordinary.Residuals);

    /// <summary>What the FFN reads, <c>[N,D]</c>; in the caller's scope.</summary>
    public Tensor Read(Tensor residuals) => Evidence.Read(Model, residuals);

    /// <summary>
    /// [CLS] after the FFN, <c>[N,D]</c>, with the first idle units giving what they give in the mean; in the caller's
    /// scope.
    /// </summary>
    public Tensor After(Tensor residuals, Tensor read, int taken)
    {
        Tensor after = residuals.Plus(Model.FeedForward(_block, read));
        for (int i = 0; i < taken; i++)
            after = Idle[i].Without(read, after);
        return after;
    }

    /// <summary>The logits of [CLS] after the FFN, <c>[N,C]</c>; in the caller's scope.</summary>
    public Tensor Logits(Tensor after) => Model.Classify(Model.Readout(after.unsqueeze(1)));

    /// <summary>What gates add to [CLS], <c>[N,D]</c>; in the caller's scope.</summary>
    public Tensor Added(GateUnits gates, Tensor read) =>
        VitModel.Scaled(mm(Model.Activate(linear(read, gates.Keys, gates.Biases)), gates.Values), _block.Scale2);

    /// <summary>What a unit's value has to be to add so much, <c>[U,D]</c>; in the caller's scope.</summary>
    public Tensor Unscaled(Tensor added) =>
        _block.Scale2 is not Tensor scale ? added : where(scale.eq(Held(0)), zeros_like(added), added / scale);

    /// <summary>
    /// For each class, the direction in which [CLS] after the FFN is moved to raise that class by one logit and the
    /// others as little as may be, <c>[L,D]</c>; in the caller's scope.
    /// </summary>
    /// <remarks>
    /// The natural gradient of the class's logit: the head's row, solved in the Fisher information of the model's own
    /// answers on ordinary images at [CLS] after the FFN, to which a share of the head's own second moment is added,
    /// for the classes that ordinary images do not speak of.
    /// </remarks>
    public Tensor Directions(IReadOnlyList<int> classes)
    {
        (Tensor fisher, double spread) = Fisher();
        Tensor head = Model.Tensors[VitNames.HeadWeight] * Model.Tensors[Model.Config.LastNormWeight];
        head = head - head.mean([0]);
        head = (head - head.mean([1], keepdim: true)) / Held(spread); // [C,D]: how logits answer to [CLS]
        Tensor moment = mm(head.t(), head);
        long width = head.shape[1];
        Tensor metric = (fisher / fisher.diagonal().sum())
            .Plus(moment * (Held(HeadShare) / moment.diagonal().sum()))
            .Plus(eye(width, device: head.device) * Held(Ridge / width));
        Tensor rows = head.index_select(0, tensor([.. classes.Select(c => (long)c)], device: head.device)); // [L,D]
        Tensor directions = solve(metric, rows.t()).t(); // [L,D]
        return directions / (directions * rows).sum(1, keepdim: true).clamp_min(Held(float.Epsilon));
    }

    // E[g·gᵀ], g being the gradient of −log p(y) for y as the model says, at [CLS] after the FFN; and the mean of the
    // tokens' standard deviations, by which the last norm divides.
    (Tensor Fisher, double Spread) Fisher()
    {
        Tensor after = After(Ordinary.Residuals, Ordinary.Queries, 0).detach().requires_grad_();
        int classes = Model.Config.Classes;
        using IDisposable grad = enable_grad();
        Tensor logits = Logits(after);
        Tensor logs = log_softmax(logits, 1);
        (Tensor _, Tensor likeliest) = logs.detach().topk(Math.Min(Likeliest, classes));
        Tensor? sum = null;
        for (int k = 0; k < likeliest.shape[1]; k++)
        {
            Tensor picked = logs.gather(1, likeliest.narrow(1, k, 1)).squeeze(1); // [N]
            Tensor gradient = autograd.grad([picked.sum()], [after], retain_graph: true)[0]; // [N,D]
            using IDisposable noGrad = no_grad();
            Tensor share = picked.detach().exp().unsqueeze(1) / Held(gradient.shape[0]);
            Tensor term = mm((gradient * share).t(), gradient);
            sum = sum is null ? term : sum.Plus(term);
        }
        return (sum!.detach(), after.detach().std(1, false).mean().Number());
    }

    /// <summary>
    /// The change of weights with which the FFN has the gates, in the place of the first idle units, or as further ones
    /// where there are none to take; the caller disposes it.
    /// </summary>
    /// <param name="gates">One or more.</param>
    /// <param name="space">Where the model that the change is for is cut.</param>
    public TensorDelta Change(GateUnits gates, EditSpace space)
    {
        using DisposeScope scope = NewDisposeScope();
        string ffn = VitNames.Block(Model.Config.Depth - 1, "mlp.");
        Dictionary<string, TensorChange> changes = [];
        if (Idle.Count == 0)
        {
            changes[ffn + "fc1.weight"] = TensorChange.AppendRows(gates.Keys.clone());
            changes[ffn + "fc1.bias"] = TensorChange.AppendRows(gates.Biases.clone());
            changes[ffn + "fc2.weight"] = TensorChange.AppendColumns(gates.Values.t().contiguous());
        }
        else
        {
            IReadOnlyList<IdleUnit> taken = [.. Idle.Take(gates.Count)];
            Tensor places = tensor([.. taken.Select(u => (long)u.Index)], device: gates.Keys.device);
            Tensor rows = one_hot(places, Model.Config.MlpWidth).to(ScalarType.Float32); // [U,H]
            changes[ffn + "fc1.weight"] = TensorChange.AddProduct(
                rows.t().contiguous(),
                gates.Keys - _block.Fc1Weight.index_select(0, places)
            );
            changes[ffn + "fc1.bias"] = TensorChange.Add(
                mv(rows.t(), gates.Biases - _block.Fc1Bias.index_select(0, places))
            );
            changes[ffn + "fc2.weight"] = TensorChange.AddProduct(
                (gates.Values - _block.Fc2Weight.index_select(1, places).t()).t().contiguous(),
                rows.clone()
            );
            changes[ffn + "fc2.bias"] = TensorChange.Add(stack([.. taken.Select(u => u.Contribution)], 0).sum([0]));
        }
        return new TensorDelta(space, changes);
    }
}
