using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>A class that a model may give an image.</summary>
/// <param name="Class">Its index.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
public readonly record struct ClassProbability(int Class, double Probability)
{
    /// <summary>The likeliest classes, likeliest first.</summary>
    /// <param name="logits">One row of logits <c>[C]</c>.</param>
    /// <param name="count">How many, at most C.</param>
    public static IReadOnlyList<ClassProbability> Top(Tensor logits, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor values, Tensor indices) = special.softmax(logits, 0).topk(Math.Min(count, (int)logits.shape[0]));
        return [.. values.data<float>().Zip(indices.data<long>(), (p, i) => new ClassProbability((int)i, p))];
    }
}
