using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the classifier reads of ordinary images just before the last FFN and its norm, in half precision
/// (<c>residuals [N,D]</c>, or of several tokens an image <c>[N,M,D]</c>), and what the model says of them
/// (<c>classes [N]</c>): what <see cref="Gate"/> tells an edited image from.
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
        VitModel model = split.Model;
        List<Tensor> residuals = [];
        List<Tensor> classes = [];
        foreach (PrefixState state in images.States(split, most, progress, cancellation: cancellation))
        {
            using (state)
            using (NewDisposeScope())
            {
                Tensor tokens = HeadTokens.Of(split, state);
                classes.Add(Evidence.Logits(model, tokens).argmax(1).cpu().MoveToOuterDisposeScope());
                residuals.Add(
                    HeadTokens.Sampled(model.Config, tokens).to(ScalarType.Float16).cpu().MoveToOuterDisposeScope()
                );
            }
        }
        Tensor all = cat(residuals, 0);
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        settings["images"] = all.shape[0].ToString(CultureInfo.InvariantCulture);
        return new Preparation(
            Name,
            split,
            settings,
            new Dictionary<string, Tensor> { ["residuals"] = all, ["classes"] = cat(classes, 0) }
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
        VitConfig config = split.Model.Config;
        Device device = split.Model.Blocks[^1].Fc1Weight.device;
        long[] shape = config.ReadsOneToken ? [-1, split.Space.Width] : [-1, -1, split.Space.Width];
        Tensor residuals = memory.Shaped("residuals", shape).to(ScalarType.Float32).to(device);
        bool hasTokens = config.ReadsOneToken || residuals.shape[1] > config.PrefixTokens;
        return hasTokens && memory["classes"].shape.SequenceEqual([residuals.shape[0]])
            ? Of(split.Model, residuals, memory["classes"].to(device))
            : throw BadInput.Damaged(
                Kind,
                $"The preparation '{Kind}' is damaged: its residuals and classes do not fit together.",
                Remedy.MakeAgain(Artifact.Preparation, method)
            );
    }

    /// <summary>Images as ordinary ones; in the caller's scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="residuals">Their tokens before the last FFN's norm, <c>[N,D]</c> or <c>[N,M,D]</c>.</param>
    /// <param name="classes">What the model says of them, <c>[N]</c>.</param>
    public static OrdinaryTokens Of(VitModel model, Tensor residuals, Tensor classes)
    {
        Tensor read = Evidence.Read(model, residuals);
        return new OrdinaryTokens(residuals, read, HeadTokens.Pooled(model.Config, read), classes);
    }
}
