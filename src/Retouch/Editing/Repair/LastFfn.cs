using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.linalg;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The last FFN of the tokens that the classifier reads (<see cref="HeadTokens"/>), with hidden units that are made to
/// be gates. Owns nothing; its tensors lie in the scope in which it was made.
/// </summary>
/// <remarks>
/// A gate gives act(x·k + b)·v to every token x. Where FFNs are gated, it is the unit's gate that reads x, and what it
/// lets through is a constant. Where hidden units are normed, what the norm makes of a shut gate differs from token to
/// token: one idle unit more always gives zero, and takes from the others what the norm makes of that. All of it is a
/// plain model of its family.
/// </remarks>
sealed class LastFfn
{
    // Of the mean variance, in the metric of what is read.
    const double Damping = 0.1;

    // Of the likeliest classes, in the metric of what is written.
    const int Likeliest = 8;
    const double HeadShare = 0.1;
    const double Ridge = 0.03;

    // Of ordinary images, where how logits answer has to be asked.
    const long ImagesOfHead = 16;

    const long TokensTogether = 8192;

    // How far above the other hidden units an open gate is where all of them are normed, in standard deviations: the
    // less, the less the norm makes of the others changes.
    const double Standing = 1;

    readonly BlockWeights _block;
    readonly Tensor _height;
    readonly IdleUnit? _zero;

    /// <summary>Looks at a model with ordinary images.</summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="idle">
    /// The units that gates may take, those first that are needed least; of normed ones the last gives zero.
    /// </param>
    /// <param name="drive">What an open gate's activation is of.</param>
    public LastFfn(VitModel model, OrdinaryTokens ordinary, IReadOnlyList<IdleUnit> idle, double drive = 20)
    {
        (Model, Ordinary, Idle, _block) = (model, ordinary, idle, model.TokenFfn);
        if (_block.HiddenNormWeight is not null && idle.Count > 1)
            (Idle, _zero) = ([.. idle.SkipLast(1)], idle[^1]);
        _height = Height(drive);
    }

    /// <summary>The same, with ordinary images measured for gates of single images.</summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="idle">The units that gates may take, those first that are needed least.</param>
    public static LastFfn Measured(VitModel model, OrdinaryTokens ordinary, IReadOnlyList<IdleUnit> idle)
    {
        Tensor mean = ordinary.Queries.mean([0]);
        Tensor centred = ordinary.Queries - mean;
        Tensor covariance = mm(centred.t(), centred) / Held(centred.shape[0]); // [D,D]
        Tensor damping =
            eye(covariance.shape[0], device: covariance.device) * (covariance.diagonal().mean() * Held(Damping));
        return new LastFfn(model, ordinary, idle)
        {
            Mean = mean,
            Precision = inv(covariance.Plus(damping)),
            Within =
                model.Config.ReadsOneToken ? null
                : HeadTokens.AreOne(model.Config) ? TokenEdge.Within(HeadTokens.ByAll(model.Config), ordinary)
                : TokenEdge.Within(model.Config, ordinary),
        };
    }

    public VitModel Model { get; }

    public OrdinaryTokens Ordinary { get; }

    public IReadOnlyList<IdleUnit> Idle { get; }

    /// <summary>The mean of what the FFN reads of ordinary images, <c>[D]</c>.</summary>
    public Tensor Mean { get; private init; } = null!;

    /// <summary>The damped covariance's inverse, <c>[D,D]</c>.</summary>
    public Tensor Precision { get; private init; } = null!;

    /// <summary>How tokens of an ordinary image differ among themselves, <c>[D,D]</c>; null for one token.</summary>
    public Tensor? Within { get; private init; }

    /// <summary>What the FFN reads, <c>[N,D]</c> or <c>[N,M,D]</c>; in the caller's scope.</summary>
    public Tensor Read(Tensor residuals) => Evidence.Read(Model, residuals);

    /// <summary>The same, pooled as the classifier does, <c>[N,D]</c>; in the caller's scope.</summary>
    public Tensor Queries(Tensor residuals) => Pooled(Read(residuals));

    /// <summary>
    /// What the FFN gives with gates, before a scale of the layer and a norm after it, of the shape of what it reads;
    /// in the caller's scope.
    /// </summary>
    public Tensor Sum(Tensor read, GateUnits gates) => Given(Keys(read, gates), gates);

    /// <summary>
    /// The same with one gate more whose value is yet to be found, and how far that one opens, a number a token; in the
    /// caller's scope.
    /// </summary>
    /// <param name="read">What the FFN reads.</param>
    /// <param name="gates">The others.</param>
    /// <param name="key"><c>[D]</c>.</param>
    /// <param name="bias"><c>[1]</c>.</param>
    public (Tensor Sum, Tensor Opening) With(Tensor read, GateUnits gates, Tensor key, Tensor bias)
    {
        GateUnits all = gates.Plus(new GateUnits(key.unsqueeze(0), bias, zeros_like(key).unsqueeze(0)));
        Tensor keys = Keys(read, all);
        int place = Idle.Count == 0 ? _block.Place.MlpWidth + gates.Count : Idle[gates.Count].Index;
        Tensor opening = keys.select(-1, place);
        if (_zero is not null)
        {
            Tensor norms = _block.HiddenNormBias!;
            Tensor ratio = Ratios(all.Count)[gates.Count];
            opening = opening - norms[place] - (keys.select(-1, _zero.Index) - norms[_zero.Index]) * ratio;
        }
        return (Given(keys, all), opening);
    }

    /// <summary>The tokens after the FFN, of those before its norm; in the caller's scope.</summary>
    /// <param name="residuals">Those.</param>
    /// <param name="sum">What <see cref="Sum(Tensor, GateUnits)"/> gives.</param>
    /// <param name="added">What is added to it once it is scaled; null for nothing.</param>
    public Tensor After(Tensor residuals, Tensor sum, Tensor? added = null)
    {
        Tensor given = VitModel.Scaled(sum, _block.Scale2);
        if (added is not null)
            given = given.Plus(added);
        return residuals.Plus(
            Model.NormsAfterTokenFfn ? Model.Norm(given, _block.Norm2Weight, _block.Norm2Bias) : given
        );
    }

    /// <summary>The logits of tokens after the FFN, <c>[N,C]</c>; in the caller's scope.</summary>
    public Tensor Logits(Tensor after) => Model.ClassifyTokens(after);

    /// <summary>
    /// How long what a gate's value is added to is, an image, pooled as the classifier does, <c>[N]</c>; in the
    /// caller's scope.
    /// </summary>
    public Tensor Length(Tensor residuals, Tensor sum) =>
        Pooled(Model.NormsAfterTokenFfn ? VitModel.Scaled(sum, _block.Scale2) : After(residuals, sum));

    /// <summary>Numbers of tokens, pooled as the classifier does; in the caller's scope.</summary>
    public Tensor Pooled(Tensor values) => HeadTokens.Pooled(Model.Config, values);

    /// <summary>What a value adds, scaled as the layer does; in the caller's scope.</summary>
    public Tensor Scaled(Tensor value) => VitModel.Scaled(value, _block.Scale2);

    /// <summary>What a unit's value has to be to add so much, <c>[U,D]</c>; in the caller's scope.</summary>
    public Tensor Unscaled(Tensor added) =>
        _block.Scale2 is not Tensor scale ? added : where(scale.eq(Held(0)), zeros_like(added), added / scale);

    // What fc2 reads with gates in the place of the first idle units, or after all units.
    Tensor Keys(Tensor read, GateUnits gates)
    {
        Tensor keys = Hidden(read);
        Tensor? open = gates.Count == 0 ? null : Model.Activate(linear(read, gates.Keys, gates.Biases)) * _height;
        if (open is not null && Idle.Count > 0)
            keys = keys.index_copy(
                -1,
                Places(gates.Count),
                _zero is null ? open : cat([open, zeros_like(open.narrow(-1, 0, 1))], -1)
            );
        if (_block.HiddenNormWeight is Tensor weight)
            keys = Model.Norm(keys, weight, _block.HiddenNormBias!);
        return open is null || Idle.Count > 0 ? keys : cat([keys, open], -1);
    }

    Tensor Given(Tensor keys, GateUnits gates)
    {
        Tensor values = _block.Fc2Weight; // [D,H]
        Tensor shift = _block.Fc2Bias;
        if (gates.Count > 0 && Idle.Count == 0)
            values = cat([values, gates.Values.t()], 1);
        else if (gates.Count > 0)
        {
            values = values.index_copy(1, Places(gates.Count), Values(gates).t());
            shift = shift.Plus(Contribution(gates));
        }
        return linear(keys, values, shift);
    }

    // The units that gates take, and after them the one that gives zero.
    IEnumerable<IdleUnit> Taken(int count) => _zero is null ? Idle.Take(count) : Idle.Take(count).Append(_zero);

    Tensor Places(int count) => tensor([.. Taken(count).Select(u => (long)u.Index)], device: _block.Fc1Bias.device);

    // What the units gave in the mean, and what their norm's biases give now.
    Tensor Contribution(GateUnits gates)
    {
        Tensor usual = stack([.. Taken(gates.Count).Select(u => u.Contribution)], 0).sum([0]);
        return _zero is null
            ? usual
            : usual - mv(Values(gates).t(), _block.HiddenNormBias!.index_select(0, Places(gates.Count)));
    }

    // Those of the gates, and of the unit that gives zero what takes the norm's share from them, [U,D].
    Tensor Values(GateUnits gates) =>
        _zero is null
            ? gates.Values
            : cat([gates.Values, -(Ratios(gates.Count).unsqueeze(1) * gates.Values).sum([0], keepdim: true)], 0);

    // What the norm makes of gates, over what it makes of the unit that gives zero, [U].
    Tensor Ratios(int count)
    {
        Tensor weight = _block.HiddenNormWeight!;
        Tensor of = weight[_zero!.Index];
        return weight.index_select(0, Places(count)).narrow(0, 0, count) / where(of.eq(Held(0)), ones_like(of), of);
    }

    // Hidden units before a norm of them.
    Tensor Hidden(Tensor read)
    {
        Tensor hidden = linear(read, _block.Fc1Weight, _block.Fc1Bias);
        return _block.GateWeight is null
            ? Model.Activate(hidden)
            : Model.Activate(linear(read, _block.GateWeight, _block.GateBias)) * hidden;
    }

    // What a gate of a gated FFN lets through: among normed units no more than others give.
    Tensor Height(double drive)
    {
        Tensor one = ones([1], device: _block.Fc1Bias.device);
        if (_block.HiddenNormWeight is null || _block.GateWeight is null)
            return one;
        Tensor spread = Hidden(Ordinary.Read.narrow(0, 0, Math.Min(Ordinary.Read.shape[0], ImagesOfHead)))
            .std(-1, false);
        return (spread.mean() * Held(Standing / drive)).reshape(1);
    }

    /// <summary>
    /// For each class, what is added to the tokens after the FFN to raise that class by one logit and the others as
    /// little as may be, <c>[L,D]</c>; in the caller's scope.
    /// </summary>
    /// <remarks>
    /// The natural gradient of the class's logit: how it answers to what is added, solved in the Fisher information of
    /// the model's own answers on ordinary images at the same place, to which a share of the second moment of how all
    /// logits answer is added, for the classes that ordinary images do not speak of.
    /// </remarks>
    public Tensor Directions(IReadOnlyList<int> classes)
    {
        (Tensor fisher, double spread) = Fisher();
        Tensor head = Head(spread); // [C,D]
        Tensor moment = mm(head.t(), head);
        long width = head.shape[1];
        Tensor metric = (fisher / fisher.diagonal().sum())
            .Plus(moment * (Held(HeadShare) / moment.diagonal().sum()))
            .Plus(eye(width, device: head.device) * Held(Ridge / width));
        Tensor rows = head.index_select(0, tensor([.. classes.Select(c => (long)c)], device: head.device)); // [L,D]
        Tensor directions = solve(metric, rows.t()).t(); // [L,D]
        return directions / (directions * rows).sum(1, keepdim: true).clamp_min(Held(float.Epsilon));
    }

    // How logits answer to what is added to the tokens, [C,D]: to [CLS] before a norm and a linear head, the head's
    // rows; else what they do in the mean of some ordinary images.
    Tensor Head(double spread)
    {
        VitConfig config = Model.Config;
        if (config.ReadsClassAlone && config.Projection == 0 && !Model.NormsAfterTokenFfn)
        {
            Tensor linear = Model.Tensors[VitNames.HeadWeight] * Model.Tensors[config.LastNormWeight];
            linear = linear - linear.mean([0]);
            return (linear - linear.mean([1], keepdim: true)) / Held(spread);
        }
        long some = Math.Min(ImagesOfHead, Ordinary.Residuals.shape[0]);
        Tensor residuals = Ordinary.Residuals.narrow(0, 0, some);
        Tensor added = zeros([some, config.Width], device: residuals.device).requires_grad_();
        using IDisposable grad = enable_grad();
        Tensor logits = Asked(residuals, Ordinary.Read.narrow(0, 0, some), added);
        Tensor head = stack(
            [
                .. Enumerable
                    .Range(0, config.Classes)
                    .Select(c => autograd.grad([logits.select(1, c).mean()], [added], retain_graph: true)[0].sum([0])),
            ],
            0
        ); // [C,D]
        return (head - head.mean([0])).detach();
    }

    // The logits of images with something added to each of their tokens that is read, [N,D].
    Tensor Asked(Tensor residuals, Tensor read, Tensor added)
    {
        Tensor sum = Sum(read, GateUnits.None(Model.Config.Width, read.device)).detach();
        if (residuals.dim() == 3)
        {
            Tensor shares = HeadTokens.Shares(Model.Config, residuals.shape[1], residuals.device);
            added = added.unsqueeze(1) * shares.gt(Held(0)).to(ScalarType.Float32).unsqueeze(1);
        }
        return Logits(After(residuals, sum, added));
    }

    // E[g·gᵀ], g being the gradient of −log p(y) for y as the model says, by what is added to the tokens; and the mean
    // of the tokens' standard deviations, by which the last norm divides.
    (Tensor Fisher, double Spread) Fisher()
    {
        int classes = Model.Config.Classes;
        long width = Model.Config.Width;
        Tensor total = zeros([width, width], device: Ordinary.Read.device);
        double spread = 0;
        long images = Ordinary.Residuals.shape[0];
        long together = Ordinary.Residuals.dim() == 2 ? images : TokensTogether / Ordinary.Residuals.shape[1] + 1;
        for (long first = 0; first < images; first += together)
        {
            using DisposeScope each = NewDisposeScope();
            long count = Math.Min(together, images - first);
            Tensor residuals = Ordinary.Residuals.narrow(0, first, count);
            Tensor read = Ordinary.Read.narrow(0, first, count);
            Tensor added = zeros([count, width], device: read.device).requires_grad_();
            using IDisposable grad = enable_grad();
            Tensor logs = log_softmax(Asked(residuals, read, added), 1);
            (Tensor _, Tensor likeliest) = logs.detach().topk(Math.Min(Likeliest, classes));
            for (int k = 0; k < likeliest.shape[1]; k++)
            {
                Tensor picked = logs.gather(1, likeliest.narrow(1, k, 1)).squeeze(1); // [N]
                Tensor gradient = autograd.grad([picked.sum()], [added], retain_graph: true)[0]; // [N,D]
                using IDisposable noGrad = no_grad();
                Tensor share = picked.detach().exp().unsqueeze(1) / Held(images);
                total.Plus_(mm((gradient * share).t(), gradient));
            }
            using IDisposable still = no_grad();
            Tensor after = After(residuals, Sum(read, GateUnits.None(width, read.device)));
            spread += after.std(-1, false).mean().Number() * count / images;
        }
        return (total, spread);
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
        string ffn = Model.TokenFfnName;
        Dictionary<string, TensorChange> changes = [];
        if (Idle.Count == 0)
        {
            changes[ffn + "fc1.weight"] = TensorChange.AppendRows(gates.Keys.clone());
            changes[ffn + "fc1.bias"] = TensorChange.AppendRows(gates.Biases.clone());
            changes[ffn + "fc2.weight"] = TensorChange.AppendColumns(gates.Values.t().contiguous());
            return new TensorDelta(space, changes);
        }
        Tensor places = Places(gates.Count);
        Tensor rows = one_hot(places, _block.Place.MlpWidth).to(ScalarType.Float32).to(gates.Keys.device); // [U,H]
        Tensor values = Values(gates);
        Tensor keys = _zero is null ? gates.Keys : cat([gates.Keys, zeros_like(gates.Keys.narrow(0, 0, 1))], 0);
        Tensor biases = _zero is null ? gates.Biases : cat([gates.Biases, zeros_like(gates.Biases.narrow(0, 0, 1))], 0);
        if (_block.GateWeight is null)
            Replace("fc1.", _block.Fc1Weight, _block.Fc1Bias, keys, biases);
        else
        {
            Replace("gate.", _block.GateWeight, _block.GateBias!, keys, biases);
            Replace("fc1.", _block.Fc1Weight, _block.Fc1Bias, zeros_like(keys), _height.expand(biases.shape[0]));
        }
        changes[ffn + "fc2.weight"] = TensorChange.AddProduct(
            (values - _block.Fc2Weight.index_select(1, places).t()).t().contiguous(),
            rows.clone()
        );
        changes[ffn + "fc2.bias"] = TensorChange.Add(Contribution(gates));
        return new TensorDelta(space, changes);

        void Replace(string part, Tensor weight, Tensor bias, Tensor keys, Tensor biases)
        {
            changes[ffn + part + "weight"] = TensorChange.AddProduct(
                rows.t().contiguous(),
                keys - weight.index_select(0, places)
            );
            changes[ffn + part + "bias"] = TensorChange.Add(mv(rows.t(), biases - bias.index_select(0, places)));
        }
    }
}
