using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the classifier reads on ordinary images, in half precision (<c>features [N,D]</c>): where
/// <see cref="HeadAlone"/> keeps what the model says.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
sealed class HeadMemory(int most = 700) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "features";

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
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        List<Tensor> features = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
            using (NewDisposeScope())
                features.Add(split.ClassFeatures(state).to(ScalarType.Float16).cpu().MoveToOuterDisposeScope());
        }
        Tensor all = cat(features, 0);
        settings["images"] = all.shape[0].ToString(CultureInfo.InvariantCulture);
        return new Preparation(Name, split, settings, new Dictionary<string, Tensor> { ["features"] = all });
    }
}
