using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the last FFN reads for [CLS] on ordinary images (<c>queries [N,D]</c>): the memory that
/// <see cref="TPatcher"/>'s neurons stay silent on.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
sealed class QueryMemory(int most = 2000) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "memory";

    const string TPatcherName = "Transformer-Patcher";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor all = Gather(split, images, most, progress, cancellation).Read;
        return new Preparation(
            Name,
            split,
            new Dictionary<string, string> { ["images"] = all.shape[0].ToString(CultureInfo.InvariantCulture) },
            new Dictionary<string, Tensor> { ["queries"] = all }
        );
    }

    /// <summary>
    /// <see cref="Query"/> of images that are spread evenly over the folders; in the caller's dispose scope, on the
    /// CPU.
    /// </summary>
    internal static (Tensor Read, Tensor After) Gather(
        SplitVit split,
        PreparationImages images,
        int most,
        IProgress<PreparationProgress>? progress,
        CancellationToken cancellation,
        string method = TPatcherName,
        Func<SplitVit, PrefixState, string, (Tensor Read, Tensor After)>? query = null
    )
    {
        query ??= (of, state, name) => Query(of, state, name);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<Tensor> read = [];
        List<Tensor> after = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
            using (NewDisposeScope())
            {
                (Tensor asked, Tensor token) = query(split, state, method);
                read.Add(asked.cpu().MoveToOuterDisposeScope());
                after.Add(token.cpu().MoveToOuterDisposeScope());
            }
        }
        return (cat(read, 0).MoveToOuterDisposeScope(), cat(after, 0).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// What the last FFN reads for [CLS], <c>[N,D]</c>, and the [CLS] tokens after it, <c>[N,D]</c>; in the caller's
    /// dispose scope.
    /// </summary>
    /// <param name="split">The model.</param>
    /// <param name="state">The images.</param>
    /// <param name="method">Who asks, for the message.</param>
    /// <param name="replaced">Tensors that take the place of the model's, by name, or null for none.</param>
    internal static (Tensor Read, Tensor After) Query(
        SplitVit split,
        PrefixState state,
        string method = TPatcherName,
        IReadOnlyDictionary<string, Tensor>? replaced = null
    )
    {
        split.Model.Config.RequireClassToken(method);
        using IDisposable noGrad = no_grad();
        int last = split.Model.Config.Depth - 1;
        MatrixProbe probe = new(new EditSpace(split.Model.Config, last, 1));
        Tensor after = new AutogradSuffix(split, replaced, probe.Visit)
            .LastTokens(state.Residual, state.Output)
            .select(1, 0);
        return (probe.Input(last, FfnMatrix.Fc1).select(1, 0), after);
    }
}
