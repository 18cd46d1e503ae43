using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// [CLS] of ordinary images just before the last FFN and its norm, in half precision (<c>residuals [N,D]</c>), and what
/// the model says of them (<c>classes [N]</c>): what <see cref="Gate"/> tells an edited image from.
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
            "What is prepared here",
            TokenQueries.Of
        );
        VitModel model = split.Model;
        Device device = model.Blocks[0].Fc1Weight.device;
        Tensor classes = model.ClassifyToken(after.to(device)).argmax(1).cpu();
        Tensor residuals = Residuals(model, queries.to(device), after.to(device)).cpu();
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        settings["images"] = queries.shape[0].ToString(CultureInfo.InvariantCulture);
        return new Preparation(
            Name,
            split,
            settings,
            new Dictionary<string, Tensor> { ["residuals"] = residuals.to(ScalarType.Float16), ["classes"] = classes }
        );
    }

    /// <summary>[CLS] before the last FFN and its norm, <c>[N,D]</c>; in the caller's scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="queries">What that FFN reads, <c>[N,D]</c>.</param>
    /// <param name="after">[CLS] after it, <c>[N,D]</c>.</param>
    public static Tensor Residuals(VitModel model, Tensor queries, Tensor after) =>
        after - model.FeedForward(model.TokenFfn, queries);

    /// <summary>
    /// The memory in float32 where the model lies, once it is known to fit it; in the caller's scope.
    /// </summary>
    /// <param name="memory">What was prepared.</param>
    /// <param name="split">The model.</param>
    /// <param name="method">Whose memory it is, for the message.</param>
    /// <exception cref="BadInputException">The preparation is for another model, or damaged.</exception>
    public static OrdinaryTokens Of(Preparation memory, SplitVit split, string method)
    {
        memory.Require(Kind, split);
        Device device = split.Model.Blocks[^1].Fc1Weight.device;
        Tensor residuals = memory.Shaped("residuals", -1, split.Space.Width).to(ScalarType.Float32).to(device);
        return memory["classes"].shape.SequenceEqual([residuals.shape[0]])
            ? new OrdinaryTokens(residuals, Evidence.Read(split.Model, residuals), memory["classes"].to(device))
            : throw BadInput.Damaged(
                Kind,
                $"The preparation '{Kind}' is damaged: its residuals and classes do not fit together.",
                Remedy.MakeAgain(Artifact.Preparation, method)
            );
    }
}
