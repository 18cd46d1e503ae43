using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the last FFN reads for [CLS] on ordinary images, in half precision (<c>queries [N,D]</c>), and what the model
/// says of them (<c>classes [N]</c>): what <see cref="Gate"/> tells an edited image from.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
sealed class GateMemory(int most = 700) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "gate";

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
        using IDisposable noGrad = no_grad();
        (Tensor queries, Tensor after) = QueryMemory.Gather(
            split,
            images,
            most,
            progress,
            cancellation,
            "What is prepared here"
        );
        Tensor classes = split
            .Model.Classify(split.Model.Readout(after.to(split.Model.Blocks[0].Fc1Weight.device).unsqueeze(1)))
            .argmax(1)
            .cpu();
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        settings["images"] = queries.shape[0].ToString(CultureInfo.InvariantCulture);
        return new Preparation(
            Name,
            split,
            settings,
            new Dictionary<string, Tensor> { ["queries"] = queries.to(ScalarType.Float16), ["classes"] = classes }
        );
    }
}
