using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The tokens of ordinary images after the first editable block (<c>tokens [N,T,D]</c>): what <see cref="RefineVit"/>
/// keeps the representation of.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
sealed class TokenMemory(int most = 300) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "tokens";

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
        List<Tensor> tokens = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
                tokens.Add(state.Output.cpu().clone());
        }
        Tensor all = cat(tokens, 0);
        return new Preparation(
            Name,
            split,
            new Dictionary<string, string> { ["images"] = all.shape[0].ToString(CultureInfo.InvariantCulture) },
            new Dictionary<string, Tensor> { ["tokens"] = all }
        );
    }
}
