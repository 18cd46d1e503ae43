using System.Buffers.Binary;
using System.Security.Cryptography;
using Retouch.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The hidden units of the last FFN that ordinary images hardly need, one of which an edit may rewrite: several, so
/// that patches for different images seldom meet. Owns nothing; its tensors lie in the scope in which it was made.
/// </summary>
sealed class IdleUnits
{
    // One in so many units is a candidate, of which each image draws one.
    const int OneOf = 96;

    const int ImagesTogether = 64;

    readonly VitModel _model;
    readonly Tensor _usual; // [H]
    readonly int[] _units;

    IdleUnits(VitModel model, Tensor usual, int[] units) => (_model, _usual, _units) = (model, usual, units);

    /// <summary>
    /// Finds those whose contribution to [CLS] hardly ever differs from their usual one, but for those that patches
    /// already took.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="memory">
    /// What its last FFN reads of ordinary images, <c>[N,D]</c>, or of several tokens each <c>[N,M,D]</c>.
    /// </param>
    /// <param name="oneOf">One in so many units is a candidate.</param>
    /// <exception cref="BadInputException">Patches have rewritten every unit.</exception>
    public static IdleUnits Of(VitModel model, Tensor memory, int oneOf = OneOf)
    {
        BlockWeights block = model.TokenFfn;
        Tensor activations = Given(model, memory); // [N,H]
        Tensor usual = activations.mean([0]);
        // [H]
        Tensor need =
            (activations - usual).abs().quantile(tensor(0.99f, device: usual.device), 0) * block.Fc2Weight.norm(0);
        IReadOnlySet<int> rewritten = EditHistory.Of(model).RewrittenUnits;
        int[] idle =
        [
            .. need.argsort()
                .cpu()
                .data<long>()
                .Select(u => (int)u)
                .Where(u => !rewritten.Contains(u))
                // Of normed units one is needed beside those that are taken.
                .Take(Math.Max(block.Place.MlpWidth / oneOf, block.HiddenNormWeight is null ? 1 : 2)),
        ];
        return idle.Length > 0
            ? new IdleUnits(model, usual, idle)
            : throw BadInput.Missing(
                null,
                "Patches have rewritten every hidden unit of the last FFN; none is left for another edit."
            );
    }

    // What fc2 reads of the units, pooled as the classifier does, [N,H].
    static Tensor Given(VitModel model, Tensor memory)
    {
        BlockWeights block = model.TokenFfn;
        List<Tensor> given = [];
        foreach (Tensor some in memory.split(memory.dim() == 2 ? memory.shape[0] : ImagesTogether))
        {
            using DisposeScope each = NewDisposeScope();
            Tensor hidden = linear(some, block.Fc1Weight, block.Fc1Bias);
            Tensor? gate = block.GateWeight is null ? null : linear(some, block.GateWeight, block.GateBias);
            given.Add(HeadTokens.Pooled(model.Config, model.Key(block, hidden, gate)).MoveToOuterDisposeScope());
        }
        return cat(given, 0);
    }

    /// <summary>All of them, those first that are needed least.</summary>
    public IReadOnlyList<IdleUnit> All => [.. _units.Select(u => new IdleUnit(_model, u, _usual[u]))];

    /// <summary>The unit that some images draw: the same ones always the same.</summary>
    /// <param name="queries">What the last FFN reads of them, pooled as the classifier does, <c>[S,D]</c>.</param>
    public IdleUnit Draw(Tensor queries)
    {
        uint hash = BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(queries.cpu().contiguous().bytes));
        int unit = _units[hash % _units.Length];
        return new IdleUnit(_model, unit, _usual[unit]);
    }

    /// <summary>The same as what an <see cref="LastFfn"/> takes: of normed units another one after it.</summary>
    /// <param name="queries">What the last FFN reads of them, pooled as the classifier does, <c>[S,D]</c>.</param>
    public IReadOnlyList<IdleUnit> DrawAll(Tensor queries)
    {
        IdleUnit drawn = Draw(queries);
        if (_model.TokenFfn.HiddenNormWeight is null || _units.Length == 1)
            return [drawn];
        int next = _units[(Array.IndexOf(_units, drawn.Index) + 1) % _units.Length];
        return [drawn, new IdleUnit(_model, next, _usual[next])];
    }
}
