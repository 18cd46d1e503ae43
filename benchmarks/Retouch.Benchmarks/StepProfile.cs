using System.Diagnostics;
using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Suffix;
using Retouch.Vit;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Speed;

/// <summary>
/// Where a whole step goes: forward, backward, update; of the first two also the share of the best rate of plain
/// products. A step of edits has a twentieth of the units, a step of target masks all of them, and its update is part
/// of the way back.
/// </summary>
static class StepProfile
{
    const double Keep = 0.05;

    public static void Print(BenchmarkModel kind, Peak peak, bool mixed)
    {
        using VitModel model = kind.Create();
        Table table = new()
        {
            Title = new TableTitle(
                $"{kind.Name}: a step, milliseconds an image, and the share of the rate of plain products at the same "
                    + $"time; medians. Those reach {peak.Full:0} GFLOP/s in "
                    + $"float32{(mixed ? $", {peak.Mixed:0} in bfloat16" : "")}"
            ),
        };
        table.AddColumns(
            "step of",
            "products",
            "forward",
            "of peak",
            "backward",
            "of peak",
            "both",
            "of peak",
            "update"
        );
        foreach (Precision precision in mixed ? [Precision.Full, Precision.Mixed] : (Precision[])[Precision.Full])
        {
            SplitVit split = new(model, precision);
            foreach (
                (string name, int images, bool sparse) in ((string, int, bool)[])
                    [
                        ("1 edit", 1, true),
                        ("8 edits", 8, true),
                        ("32 edits", 32, true),
                        ("1 target mask", 1, false),
                        ("8 target masks", 8, false),
                    ]
            )
            {
                double touched = sparse ? 1 - (1 - Keep) * (1 - Keep) : 1;
                double forward = Operations.Forward(split, touched);
                double backward = Operations.Backward(split, touched);
                List<double[]> steps = Times(
                    kind,
                    split,
                    images,
                    sparse,
                    Math.Clamp(kind.Steps / images, 7, 40),
                    () => peak.Now(precision == Precision.Mixed)
                );
                table.AddRow(
                    name,
                    precision == Precision.Full ? "float32" : "bfloat16",
                    Milliseconds(t => t[0]),
                    Share(forward, t => t[0]),
                    Milliseconds(t => t[1]),
                    Share(backward, t => t[1]),
                    Milliseconds(t => t[0] + t[1]),
                    Share(forward + backward, t => t[0] + t[1]),
                    Milliseconds(t => t[2])
                );

                string Milliseconds(Func<double[], double> of) => $"{Timing.Median([.. steps.Select(of)]):0.00}";

                string Share(double operations, Func<double[], double> of) =>
                    $"{Timing.Median([.. steps.Select(t => operations / of(t) * 1e3 / t[3])]):0 %}";
            }
        }
        AnsiConsole.Write(table);
    }

    // Of each step forward, backward and update, milliseconds an image, and the rate of plain products around it.
    static List<double[]> Times(
        BenchmarkModel kind,
        SplitVit split,
        int images,
        bool sparse,
        int repetitions,
        Func<double> rate
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using PrefixState state = split.Prefix(kind.Noise(images));
        using EditSession session = new(
            split,
            state,
            [
                .. Enumerable
                    .Range(0, images)
                    .Select(i =>
                        sparse
                            ? new RandomLocator(i).Locate(split, new Failure(state, 0)).Keep(Keep)
                            : UnitSelection.All(split.Space)
                    ),
            ]
        );
        Tensor[] deltas = session.NewRows();
        Tensor[] squares = session.NewRows();
        Tensor label = one_hot(ones(images, ScalarType.Int64), split.Model.Config.Classes);
        RmsProp optimizer = new(0.99, 1e-8);
        List<double[]> times = [];
        for (int i = -3; i < repetitions; i++)
        {
            using DisposeScope step = NewDisposeScope();
            double before = rate();
            long start = Stopwatch.GetTimestamp();
            Tensor logits = session.Logits();
            double forward = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Tensor gradient = softmax(logits, 1) - label;
            Tensor[] gradients = [];
            if (sparse)
                gradients = session.Gradients(gradient);
            else
                session.Descend(gradient, deltas, 1e-3);
            double backward = Stopwatch.GetElapsedTime(start).TotalMilliseconds - forward;
            if (sparse)
            {
                for (int m = 0; m < deltas.Length; m++)
                    optimizer.Step(deltas[m], gradients[m], squares[m], 2e-5);
                session.SetDeltas(deltas);
            }
            double update = Stopwatch.GetElapsedTime(start).TotalMilliseconds - forward - backward;
            if (i >= 0)
                times.Add([forward / images, backward / images, update / images, (before + rate()) / 2]);
        }
        return times;
    }
}
