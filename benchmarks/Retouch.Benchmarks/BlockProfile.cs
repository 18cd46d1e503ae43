using System.Diagnostics;
using Retouch.Vit;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Benchmarks;

/// <summary>What a block of the suffix spends its time on: each kind of operation by itself, at the size that a chunk of images has.</summary>
static class BlockProfile
{
    const int Images = 16, Tokens = 197, Repetitions = 15;

    public static void Print(BenchmarkModel kind, bool mixed)
    {
        Table table = new() { Title = new TableTitle($"{kind.Name}: one frozen block on {Images} images, forward and backward, microseconds (best of {Repetitions})") };
        table.AddColumns("operation", "float32", "bfloat16");
        Dictionary<string, double> full = Times(kind, ScalarType.Float32), narrow = mixed ? Times(kind, ScalarType.BFloat16) : [];
        foreach ((string name, double time) in full)
            table.AddRow(name, $"{time:0}", narrow.TryGetValue(name, out double other) ? $"{other:0}" : "–");
        table.AddRow("sum", $"{full.Values.Sum():0}", mixed ? $"{narrow.Values.Sum():0}" : "–");
        AnsiConsole.Write(table);
    }

    static Dictionary<string, double> Times(BenchmarkModel kind, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long d = kind.Width, h = 4 * d;
        Tensor x = randn(Images, Tokens, d), normed = x.to(type), hidden = randn(Images, Tokens, h).to(type);
        Tensor one = ones(d), zero = torch.zeros(d), qkv = randn(3 * d, d).to(type), proj = randn(d, d).to(type), fc1 = randn(h, d).to(type), fc2 = randn(d, h).to(type);
        Tensor bias4 = torch.zeros(h).to(type);
        Tensor heads = randn([Images, Tokens, 3, kind.Heads, d / kind.Heads]).to(type).permute(2, 0, 3, 1, 4);
        Tensor projected = randn(Images, Tokens, 3 * d).to(type), part = randn(Images * kind.Heads, Tokens, d / kind.Heads).to(type), weights = Aten.Softmax_(randn(Images * kind.Heads, Tokens, Tokens).to(type));
        (_, Tensor mean, Tensor deviation) = Aten.LayerNorm(x, one, zero, 1e-6);
        return new Dictionary<string, double>
        {
            ["2 norms"] = 2 * Time(() => layer_norm(x, [d], one, zero, 1e-6)),
            ["2 casts of normed tokens"] = type == ScalarType.Float32 ? 0 : 2 * Time(() => x.to(type)),
            ["qkv product"] = Time(() => linear(normed, qkv)),
            ["attention (where nothing is differentiated)"] = Time(() => scaled_dot_product_attention(heads[0], heads[1], heads[2]).transpose(1, 2).reshape(Images, Tokens, d)),
            ["output product"] = Time(() => linear(normed, proj)),
            ["fc1 product"] = Time(() => linear(normed, fc1, bias4)),
            ["GELU"] = Time(() => gelu(hidden)),
            ["fc2 product"] = Time(() => linear(hidden, fc2)),
            ["2 residual sums with bias"] = 2 * Time(() => (x + normed).add_(zero)),
            ["2 norms' derivatives"] = 2 * Time(() => Aten.LayerNormBackward(x, x, mean, deviation, one, zero)),
            ["4 casts of gradients"] = type == ScalarType.Float32 ? 0 : 2 * Time(() => x.to(type)) + 2 * Time(() => normed.to(ScalarType.Float32)),
            ["GELU's derivative"] = Time(() => Aten.GeluBackward(hidden, hidden, false)),
            ["fc2 and fc1 products' derivatives"] = Time(() => matmul(normed, fc2)) + Time(() => matmul(hidden, fc1)),
            ["output and qkv products' derivatives"] = Time(() => matmul(normed, proj)) + Time(() => matmul(projected, qkv)),
            ["attention's derivative: 5 products"] = 2 * Time(() => bmm(part, part.transpose(1, 2))) + 3 * Time(() => bmm(weights, part)),
            ["attention's derivative: softmax"] = Time(() => Aten.SoftmaxBackward(weights, weights)),
            ["attention's derivative: heads"] = Time(() => Aten.SplitHeads(normed, null, 1, kind.Heads)) + Time(() => stack([heads[0].transpose(1, 2), heads[1].transpose(1, 2), heads[2].transpose(1, 2)], 2)),
        };
    }

    static double Time(Func<Tensor> work)
    {
        double best = double.MaxValue;
        for (int i = 0; i < Repetitions; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            _ = work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        return best;
    }
}
