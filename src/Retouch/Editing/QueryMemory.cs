using System.Globalization;
using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>What the last FFN reads for [CLS] on ordinary images (<c>queries [N,D]</c>): the memory that <see cref="TPatcher"/>'s neurons stay silent on.</summary>
/// <param name="most">How many images at most, at least 1.</param>
public sealed class QueryMemory(int most = 2000) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "memory";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(SplitVit split, PreparationImages images, string? checkpoint = null, IProgress<PreparationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<Tensor> queries = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
            using (NewDisposeScope())
                queries.Add(Query(split, state).Read.cpu().MoveToOuterDisposeScope());
        }
        Tensor all = cat(queries, 0);
        return new Preparation(Name, split, new Dictionary<string, string> { ["images"] = all.shape[0].ToString(CultureInfo.InvariantCulture) },
            new Dictionary<string, Tensor> { ["queries"] = all });
    }

    /// <summary>What the last FFN reads for [CLS], <c>[N,D]</c>, and the [CLS] tokens after it, <c>[N,D]</c>; in the caller's dispose scope.</summary>
    internal static (Tensor Read, Tensor After) Query(SplitVit split, PrefixState state, string method = "Transformer-Patcher")
    {
        split.Model.Config.RequireClassToken(method);
        Tensor query = null!;
        Tensor after = new Suffix(split, visit: (point, block, value) =>
        {
            if (point == SuffixPoint.FfnInput && block == split.Model.Config.Depth - 1)
                query = value.select(1, 0);
            return value;
        }).LastTokens(state.Residual, state.Output).select(1, 0);
        return (query, after);
    }
}
