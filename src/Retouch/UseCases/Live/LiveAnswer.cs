using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>What a model says of an image. Immutable.</summary>
/// <param name="Class">The likeliest class.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Second">The next one.</param>
/// <param name="Margin">By how much the first is likelier than the second, in [0,1].</param>
public readonly record struct LiveAnswer(int Class, float Probability, int Second, float Margin)
{
    /// <summary>What logits say of images.</summary>
    /// <param name="logits"><c>[N,C]</c>, of two classes at least.</param>
    public static IReadOnlyList<LiveAnswer> Of(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor values, Tensor classes) = special.softmax(logits, 1).topk(2);
        float[] p = values.cpu().contiguous().data<float>().ToArray();
        long[] c = classes.cpu().contiguous().data<long>().ToArray();
        return
        [
            .. Enumerable
                .Range(0, p.Length / 2)
                .Select(i => new LiveAnswer((int)c[2 * i], p[2 * i], (int)c[2 * i + 1], p[2 * i] - p[2 * i + 1])),
        ];
    }
}
