using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>
/// Whether ten times as many images or edits cost ten times as much, and no more memory than the budget says.
/// </summary>
static class Scaling
{
    const double Keep = 0.05;
    const int Batch = 12;
    const int Steps = 5;
    const int Chunk = 16;
    const int Together = 128;
    const long Budget = 64L << 20;

    static readonly int[] s_counts = [1, 10, 100, 1000];

    /// <param name="kind">The architecture.</param>
    /// <param name="most">The greatest count.</param>
    public static void Print(BenchmarkModel kind, int most)
    {
        int[] counts = [.. s_counts.Where(c => c <= most)];
        using VitModel model = kind.Create();
        SplitVit split = new(model);
        Table table = new()
        {
            Title = new TableTitle(
                $"{kind.Name}, float32, {get_num_threads()} threads; prefixes may take {Budget >> 20} MiB"
            ),
        };
        table.AddColumns("what", "count", "ms each", "prefixes in memory, MiB", "on disk, MiB", "process, MiB");
        foreach (int count in counts)
        {
            using PrefixStore store = new(Budget);
            for (int done = 0; done < count; done += Together)
                Add(kind, split, store, Math.Min(Together, count - done));
            long inMemory = Enumerable.Range(0, store.Count).Sum(i => Bytes(store, i)) - store.BytesOnDisk;
            long onDisk = store.BytesOnDisk;
            using LocalitySet set = new(split, store);
            using WeightDelta delta = Delta(split);
            set.Measure(delta); // warm
            double time = Time(() => set.Measure(delta));
            Row("LR, an image", count, time, $"{inMemory >> 20}", $"{onDisk >> 20}");
        }
        foreach (int count in counts)
        {
            using PrefixState states = State(kind, split, Math.Min(count, Batch));
            double time = 0;
            for (int round = 0; round < 2; round++) // the first is for warmth
                time = Time(() => Edits(split, states, count));
            Row($"edit of {Steps} steps", count, time, "", "");
        }
        AnsiConsole.Write(table);

        void Row(string what, int count, double time, string inMemory, string onDisk) =>
            table.AddRow(what, $"{count}", $"{time / count:0.00}", inMemory, onDisk, $"{Environment.WorkingSet >> 20}");
    }

    static void Edits(SplitVit split, PrefixState states, int count)
    {
        MaskedFineTuning editor = new(
            new RandomLocator(0),
            new MaskedFineTuningSettings
            {
                KeepRatio = Keep,
                MaxSteps = Steps,
                StopLoss = 0,
            }
        );
        for (int done = 0; done < count; done += Batch)
        {
            using DisposeScope scope = NewDisposeScope();
            Failure[] failures =
            [
                .. Enumerable.Range(0, Math.Min(Batch, count - done)).Select(i => new Failure(states.Select([i]), 1)),
            ];
            foreach (EditResult result in editor.Edit(split, failures))
                result.Dispose();
            foreach (Failure failure in failures)
                failure.State.Dispose();
        }
    }

    static void Add(BenchmarkModel kind, SplitVit split, PrefixStore store, int images)
    {
        List<PrefixState> chunks = [];
        for (int done = 0; done < images; done += Chunk)
            chunks.Add(State(kind, split, Math.Min(Chunk, images - done)));
        store.Add(PrefixState.Concat(chunks));
        chunks.ForEach(c => c.Dispose());
    }

    static PrefixState State(BenchmarkModel kind, SplitVit split, int images)
    {
        using Tensor pixels = kind.Noise(images);
        return split.Prefix(pixels);
    }

    static WeightDelta Delta(SplitVit split)
    {
        UnitSelection units = UnitSelection.All(split.Space);
        return new WeightDelta(
            units,
            [.. Enumerable.Range(0, split.Space.Matrices).Select(m => zeros(units[m].Length, split.Space.Width))]
        );
    }

    static long Bytes(PrefixStore store, int index)
    {
        using PrefixState state = store.Open(index);
        return 2 * 4 * state.Residual.NumberOfElements;
    }

    static double Time(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
