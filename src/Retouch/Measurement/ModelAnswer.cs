using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>What a model says of an image.</summary>
/// <param name="Class">The most probable class.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Margin">The difference of the two largest probabilities, in [0,1].</param>
public readonly record struct ModelAnswer(int Class, double Probability, double Margin)
{
    /// <summary>The answers that logits <c>[N,C]</c> are.</summary>
    internal static IReadOnlyList<ModelAnswer> Of(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor values, Tensor indices) = special.softmax(logits, 1).topk((int)Math.Min(2, logits.shape[1]));
        float[] top = values.cpu().contiguous().data<float>().ToArray();
        long[] predicted = indices.cpu().contiguous().data<long>().ToArray();
        int width = (int)values.shape[1];
        return
        [
            .. Enumerable
                .Range(0, (int)logits.shape[0])
                .Select(i => new ModelAnswer(
                    (int)predicted[i * width],
                    top[i * width],
                    Math.Clamp(top[i * width] - (width > 1 ? top[i * width + 1] : 0), 0f, 1f)
                )),
        ];
    }
}
