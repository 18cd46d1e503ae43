using System.Buffers.Binary;
using System.Security.Cryptography;
using Retouch.Patches;
using Retouch.Vit;
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

    readonly VitModel _model;
    readonly Tensor _usual; // [H]
    readonly int[] _units;

    IdleUnits(VitModel model, Tensor usual, int[] units) => (_model, _usual, _units) = (model, usual, units);

    /// <summary>
    /// Finds those whose contribution to [CLS] hardly ever differs from their usual one, but for those that patches
    /// already took.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="memory">What its last FFN reads for [CLS] on ordinary images, <c>[N,D]</c>.</param>
    /// <exception cref="BadInputException">Patches have rewritten every unit.</exception>
    public static IdleUnits Of(VitModel model, Tensor memory) => Of(model, memory, OneOf);

    /// <summary>The same with one of so many units.</summary>
    public static IdleUnits Of(VitModel model, Tensor memory, int oneOf)
    {
        BlockWeights block = model.TokenFfn;
        Tensor activations = model.Activate(linear(memory, block.Fc1Weight, block.Fc1Bias)); // [N,H]
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
                .Take(Math.Max(block.Place.MlpWidth / oneOf, 1)),
        ];
        return idle.Length > 0
            ? new IdleUnits(model, usual, idle)
            : throw BadInput.Missing(
                null,
                "Patches have rewritten every hidden unit of the last FFN; none is left for another edit."
            );
    }

    /// <summary>All of them, those first that are needed least.</summary>
    public IReadOnlyList<IdleUnit> All => [.. _units.Select(u => new IdleUnit(_model, u, _usual[u]))];

    /// <summary>The unit that some images draw: the same ones always the same.</summary>
    /// <param name="queries">What the last FFN reads for their [CLS], <c>[S,D]</c>.</param>
    public IdleUnit Draw(Tensor queries)
    {
        uint hash = BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(queries.cpu().contiguous().bytes));
        int unit = _units[hash % _units.Length];
        return new IdleUnit(_model, unit, _usual[unit]);
    }
}
