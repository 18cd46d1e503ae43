using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Pretraining;
using Retouch.Suffix;
using Retouch.Vit;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>
/// What an edit step costs for each family, against a plain ViT's of the same sizes: in one process, in turns, medians
/// of the ratios.
/// </summary>
static class FamilySteps
{
    const int Steps = 10;

    /// <param name="kind">The sizes.</param>
    /// <param name="repetitions">Rounds, in each of which every family has its turn.</param>
    public static void Print(BenchmarkModel kind, int repetitions)
    {
        (string Name, VitModel Model)[] models =
        [
            .. PretrainingFamilies.Names.Select(n => (n, kind.Create(p => PretrainingFamilies.Of(n, p)))),
        ];
        Dictionary<string, List<double>> times = models.ToDictionary(m => m.Name, _ => new List<double>());
        for (int round = 0; round <= repetitions; round++)
        {
            foreach ((string name, VitModel model) in models)
            {
                double time = Step(kind, model);
                if (round > 0) // the first is for warmth
                    times[name].Add(time);
            }
        }
        Table table = new()
        {
            Title = new TableTitle($"{kind.Name}, float32, {get_num_threads()} threads: an edit step of one image"),
        };
        table.AddColumns("family", "ms", "times a plain ViT's (least to most)", "path");
        foreach ((string name, VitModel model) in models)
        {
            double[] ratios = [.. times[name].Zip(times["vit"], (own, plain) => own / plain).Order()];
            table.AddRow(
                name,
                $"{times[name].Order().ElementAt(repetitions / 2):0.00}",
                $"{ratios[repetitions / 2]:0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00})",
                model.Config.HasPlainBlocks ? "kernels, where there are any" : "libtorch's"
            );
            model.Dispose();
        }
        AnsiConsole.Write(table);
    }

    static double Step(BenchmarkModel kind, VitModel model)
    {
        using DisposeScope scope = NewDisposeScope();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(kind.Noise(1));
        MaskedFineTuning editor = new(
            new RandomLocator(0),
            new MaskedFineTuningSettings
            {
                KeepRatio = 0.05,
                MaxSteps = Steps,
                StopLoss = 0,
            }
        );
        long start = Stopwatch.GetTimestamp();
        editor.Edit(split, [new Failure(state, 1)])[0].Dispose();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Steps;
    }
}
