using System.Globalization;
using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the last FFN reads for [CLS] on ordinary images, in half precision (<c>queries [N,D]</c>), and what the model
/// says of them (<c>classes [N]</c>): what <see cref="Gate"/> tells an edited image from.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
public sealed class GateMemory(int most = 700) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "gate";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(SplitVit split, PreparationImages images, string? checkpoint = null, IProgress<PreparationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<Tensor> queries = [];
        List<long> classes = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
            using (NewDisposeScope())
            {
                queries.Add(QueryMemory.Query(split, state, "What is prepared here").Read.cpu().to(ScalarType.Float16).MoveToOuterDisposeScope());
                classes.AddRange(split.Predict(state).Select(c => (long)c));
            }
        }
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        settings["images"] = classes.Count.ToString(CultureInfo.InvariantCulture);
        return new Preparation(Name, split, settings, new Dictionary<string, Tensor> { ["queries"] = cat(queries, 0), ["classes"] = tensor(classes) });
    }
}
