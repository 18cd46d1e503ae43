using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>What a model says of an image whose class is known. Immutable.</summary>
/// <param name="Right">Whether that class is the likeliest.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Likeliest">The likeliest classes, likeliest first.</param>
public sealed record ImageAnswer(bool Right, double Probability, IReadOnlyList<ClassProbability> Likeliest)
{
    /// <summary>The answers to a batch of logits <c>[N,C]</c>.</summary>
    internal static IReadOnlyList<ImageAnswer> Of(Tensor logits, int label, int likeliest)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] probabilities = [.. special.softmax(logits, 1).select(1, label).data<float>()];
        long[] classes = [.. logits.argmax(1).data<long>()];
        return
        [
            .. probabilities.Select(
                (p, i) => new ImageAnswer(classes[i] == label, p, ClassProbability.Top(logits[i], likeliest))
            ),
        ];
    }
}
