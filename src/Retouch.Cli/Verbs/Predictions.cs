using Retouch.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary>Logits as the likeliest classes.</summary>
static class Predictions
{
    /// <summary>The likeliest classes of one row of logits <c>[C]</c>, likeliest first.</summary>
    public static IReadOnlyList<PredictionJson> Top(Tensor logits, int count, LabelSet labels)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor values, Tensor indices) = special.softmax(logits, 0).topk(Math.Min(count, (int)logits.shape[0]));
        return [.. values.data<float>().Zip(indices.data<long>(), (p, i) => new PredictionJson((int)i, labels[(int)i].Name, p))];
    }

    public static string Text(PredictionJson p) => $"{100 * p.Probability,6:0.00} %  {p.Name} ({p.Index})";
}
