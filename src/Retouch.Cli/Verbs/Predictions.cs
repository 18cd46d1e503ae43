using Retouch.Formats;
using Retouch.UseCases;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary>Logits as the likeliest classes.</summary>
static class Predictions
{
    /// <summary>The likeliest classes of one row of logits <c>[C]</c>, likeliest first.</summary>
    public static IReadOnlyList<PredictionJson> Top(Tensor logits, int count, LabelSet labels) =>
        Named(ClassProbability.Top(logits, count), labels);

    /// <summary>The same classes with their names.</summary>
    public static IReadOnlyList<PredictionJson> Named(IReadOnlyList<ClassProbability> classes, LabelSet labels) =>
        [.. classes.Select(c => new PredictionJson(c.Class, labels[c.Class].Name, c.Probability))];

    public static string Text(ClassProbability p, LabelSet labels) =>
        Text(new PredictionJson(p.Class, labels[p.Class].Name, p.Probability));

    public static string Text(PredictionJson p) => $"{100 * p.Probability, 6:0.00} %  {p.Name} ({p.Index})";
}
