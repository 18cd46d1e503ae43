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

    /// <summary>The queries <c>[N,D]</c> in float32 where the model lies, once they are known to fit it.</summary>
    /// <param name="memory">What was prepared.</param>
    /// <param name="split">The model.</param>
    /// <param name="method">Whose memory it is, for the message.</param>
    /// <exception cref="BadInputException">The preparation is for another model, or damaged.</exception>
    public static Tensor Queries(Preparation memory, SplitVit split, string method)
    {
        memory.Require(Kind, split);
        Tensor queries = memory["queries"].to(ScalarType.Float32).to(split.Model.Blocks[^1].Fc1Weight.device);
        return
            queries.dim() == 2
            && queries.shape[0] > 0
            && queries.shape[1] == split.Space.Width
            && memory["classes"].shape.SequenceEqual([queries.shape[0]])
            ? queries
            : throw BadInput.Damaged(
                Kind,
                $"The preparation '{Kind}' is damaged: its queries and classes do not fit together.",
                Remedy.MakeAgain(Artifact.Preparation, method)
            );
    }
}
