using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>What a gate takes, from pixels to patch, beside forward passes of the same image.</summary>
static class GateSpeed
{
    /// <summary>Prints medians and the ratio.</summary>
    /// <param name="kind">The model.</param>
    /// <param name="repetitions">Edits, each of another image, from the model's answer to its second choice.</param>
    public static void Print(BenchmarkModel kind, int repetitions)
    {
        using VitModel model = kind.Create();
        using Tensor images = kind.LocalityPixels();
        int half = (int)images.shape[0] / 2;
        using Tensor ordinary = images.narrow(0, 0, half);
        SplitVit split = new(model, Gate.Definition.Window!(model.Config));
        using Preparation memory = Memory(split, ordinary);
        Gate gate = new(memory);
        List<double> edits = [];
        List<double> passes = [];
        for (int i = -1; i < repetitions; i++)
        {
            using Tensor image = images.narrow(0, half + (i + 1) % half, 1);
            double pass = Milliseconds(() =>
            {
                using PrefixState state = split.Prefix(image);
                using Tensor logits = split.Logits(state);
            });
            double edit = Milliseconds(() => Edit(split, gate, image));
            if (i < 0)
                continue;
            passes.Add(pass);
            edits.Add(edit);
        }
        double[] ratios = [.. edits.Zip(passes, (e, p) => e / p)];
        Console.WriteLine(
            $"{kind.Name}, gate, pixels to patch: {Timing.Median([.. edits]):0.0} ms, a forward pass "
                + $"{Timing.Median([.. passes]):0.0} ms, {Timing.Median(ratios):0.0} of them "
                + $"({ratios.Min():0.0} to {ratios.Max():0.0})"
        );
    }

    // As GateMemory makes it of files.
    static Preparation Memory(SplitVit split, Tensor ordinary)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using PrefixState state = split.Prefix(ordinary);
        Tensor tokens = HeadTokens.Of(split, state);
        return new Preparation(
            GateMemory.Kind,
            split,
            new Dictionary<string, string>(),
            new Dictionary<string, Tensor>
            {
                ["residuals"] = tokens.to(ScalarType.Float16),
                ["classes"] = Evidence.Logits(split.Model, tokens).argmax(1),
            }
        );
    }

    static void Edit(SplitVit split, Gate gate, Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        using PrefixState state = split.Prefix(image);
        int second = (int)split.Logits(state).topk(2).indexes[0, 1].item<long>();
        foreach (EditResult result in gate.Edit(split, [new Failure(state, second)]))
            result.Dispose();
    }

    static double Milliseconds(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
