using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>What <see cref="VitModel.TokenFfn"/> reads, and the tokens that it makes.</summary>
static class TokenQueries
{
    /// <summary>
    /// What the last FFN of the token that the classifier reads gets, <c>[N,D]</c>, and that token after it,
    /// <c>[N,D]</c>; in the caller's dispose scope.
    /// </summary>
    /// <param name="split">The model.</param>
    /// <param name="state">The images.</param>
    /// <param name="method">Who asks, for the message.</param>
    /// <exception cref="BadInputException">The classifier reads no such token.</exception>
    public static (Tensor Read, Tensor After) Of(SplitVit split, PrefixState state, string method)
    {
        VitModel model = split.Model;
        model.Config.RequireToken(method);
        if (!model.Config.PoolsByAttention)
            return QueryMemory.Query(split, state, method);
        using IDisposable noGrad = no_grad();
        Tensor tokens = new AutogradSuffix(split).LastTokens(state.Residual, state.Output);
        Tensor residuals = Readouts.BeforeFfn(model, tokens, name => model.Tensors.GetValueOrDefault(name));
        Tensor read = Evidence.Read(model, residuals);
        return (read, residuals.Plus(model.FeedForward(model.TokenFfn, read)));
    }
}
