using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>
/// Plain prediction, pixels to logits, beside what one would take for it otherwise: ONNX Runtime on the exported model,
/// and libtorch's public kernels. All in one process, in turn, with the same number of threads.
/// </summary>
static class PredictionSpeed
{
    const string BusyOption = "--busy-loop";

    /// <summary>Prints milliseconds an image, and ratios to ours in float32, repetition by repetition.</summary>
    /// <param name="kind">The model.</param>
    /// <param name="mixed">Whether to measure bfloat16.</param>
    /// <param name="repetitions">Of each batch.</param>
    /// <param name="busy">Other processes that keep a core each busy meanwhile.</param>
    public static void Print(BenchmarkModel kind, bool mixed, int repetitions, int busy)
    {
        using VitModel model = kind.Create();
        string folder = Directory.CreateTempSubdirectory("retouch-speed-").FullName;
        using OtherProcesses others = new();
        try
        {
            string path = Path.Combine(folder, "model.onnx");
            Preprocessing preprocessing = Preprocessing.Inception(kind.ImageSize, 0.9);
            OnnxExport.Write(model, preprocessing, null, new Dictionary<string, string?>(), path, overwrite: false);
            using SessionOptions options = new() { IntraOpNumThreads = get_num_threads(), InterOpNumThreads = 1 };
            using InferenceSession session = new(path, options);
            Table table = new()
            {
                Title = new TableTitle($"{kind.Name}, ms an image, medians of {repetitions}, and ratios to float32"),
            };
            table.AddColumns("batch", "beside", "float32", "bfloat16", "ONNX Runtime", "libtorch");
            foreach (int batch in new[] { 1, 8, 32 })
                table.AddRow(
                    Measure(model, session, kind.Noise(batch), mixed, batch == 1 ? 4 * repetitions : repetitions, 0)
                );
            for (int i = 0; i < busy; i++)
                others.Begin(BusyOption);
            if (busy > 0)
                table.AddRow(Measure(model, session, kind.Noise(1), mixed, 8 * repetitions, busy));
            AnsiConsole.Write(table);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What another process does where the arguments ask for it: keep a core busy.</summary>
    public static bool IsBusy(string[] args)
    {
        if (!args.Contains(BusyOption))
            return false;
        OtherProcesses.Work(() => Thread.SpinWait(1000));
        return true;
    }

    static string[] Measure(
        VitModel model,
        InferenceSession session,
        Tensor pixels,
        bool mixed,
        int repetitions,
        int busy
    )
    {
        using Tensor images = pixels;
        SplitVit split = SplitVit.Whole(model, Precision.Mixed);
        string input = session.InputNames[0];
        float[] values = images.data<float>().ToArray();
        long[] shape = images.shape;
        Action ours = () => Ours(split, images, Precision.Full);
        Action?[] ways =
        [
            ours,
            mixed ? () => Ours(split, images, Precision.Mixed) : null,
            () =>
            {
                using OrtValue value = OrtValue.CreateTensorValueFromMemory(values, shape);
                using RunOptions options = new();
                using IDisposable _ = session.Run(options, [input], [value], session.OutputNames);
            },
            () =>
            {
                using DisposeScope scope = NewDisposeScope();
                using IDisposable noGrad = no_grad();
                model.Logits(images);
            },
        ];
        double[][] times = [.. ways.Select(_ => new double[repetitions])];
        for (int i = -2; i < repetitions; i++)
        {
            for (int way = 0; way < ways.Length; way++)
            {
                if (ways[way] is not Action run)
                    continue;
                // Not measured: the weights of those before it lie in the cache, not its own.
                run();
                long start = Stopwatch.GetTimestamp();
                run();
                if (i >= 0)
                    times[way][i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds / shape[0];
            }
        }
        return
        [
            $"{shape[0]}",
            busy == 0 ? "" : $"{busy} busy",
            $"{Timing.Median(times[0]):0.0}",
            .. Enumerable
                .Range(1, ways.Length - 1)
                .Select(way => ways[way] is null ? "–" : Compared(times[way], times[0])),
        ];
    }

    static string Compared(double[] times, double[] ours) =>
        $"{Timing.Median(times):0.0} ({Timing.Median([.. times.Zip(ours, (x, y) => x / y)]):0.00}x)";

    static void Ours(SplitVit split, Tensor images, Precision precision)
    {
        using DisposeScope scope = NewDisposeScope();
        using PrefixState state = split.Prefix(images);
        split.Logits(state, null, precision);
    }
}
