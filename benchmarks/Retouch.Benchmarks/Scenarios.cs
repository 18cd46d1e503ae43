using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>The pieces of work that are compared, for one model.</summary>
sealed class Scenarios : IDisposable
{
    /// <summary>Of all that is random.</summary>
    public const int Seed = 0;

    const double Keep = 0.05;
    const double Rate = 1e-4;
    const double StopLoss = 0.01; // of an edit until it is done
    const int NaiveSteps = 3;
    const int Batch = 32;
    const int TargetBatch = 8;
    const int MostSteps = 100;

    readonly BenchmarkModel _kind;
    readonly VitModel _model;
    readonly SplitVit _split;
    readonly SplitVit _mixed;
    readonly Tensor _pixels;
    readonly PrefixState _state;
    readonly UnitSelection[] _units;
    readonly NaiveEdit _naive;
    readonly Lazy<Tensor> _photos;
    readonly Lazy<LocalitySet> _full;
    readonly Lazy<LocalitySet> _narrow;

    public Scenarios(BenchmarkModel kind)
    {
        manual_seed(Seed);
        _kind = kind;
        _model = kind.Create();
        _split = new SplitVit(_model);
        _mixed = new SplitVit(_model, Precision.Mixed);
        _pixels = kind.Noise(Batch);
        _photos = new(kind.LocalityPixels);
        (_full, _narrow) = (Of(_split), Of(_mixed));
        _state = _split.Prefix(_pixels);
        _units =
        [
            .. Enumerable
                .Range(0, Batch)
                .Select(i => new RandomLocator(i).Locate(_split, new Failure(_state, 0)).Keep(Keep)),
        ];
        _naive = new NaiveEdit(_model, _split.Space, _units[0], _pixels.narrow(0, 0, 1), 1, 2e-5);
    }

    Lazy<LocalitySet> Of(SplitVit split) => new(() => new LocalitySet(split, split.Prefix(_photos.Value)));

    /// <summary>
    /// The pieces by name; made only when asked for, for some take minutes before they can be measured.
    /// </summary>
    public static IReadOnlyList<(string Name, Func<Scenarios, Scenario> Make)> For(BenchmarkModel kind) =>
        [
            (
                $"edit step, keep {Keep}, one edit",
                s => new(s.Step, s.NaiveStep, () => s.Edit(s._split, 1), () => s.Edit(s._mixed, 1))
            ),
            (
                $"edit step, keep {Keep}, {Batch} edits, an edit",
                s => new(s.Step, s.NaiveStep, () => s.Edit(s._split, Batch), () => s.Edit(s._mixed, Batch))
            ),
            ($"edit until done, keep {Keep}", s => s.UntilDone()),
            (
                $"LR over {kind.LocalityImages} images, an edit",
                s =>
                    new(
                        kind.LocalityImages * Operations.Forward(s._split, Touched),
                        s.NaiveLocality,
                        () => s.Locality(s._full.Value),
                        () => s.Locality(s._narrow.Value)
                    )
            ),
            (
                "target mask, one sample",
                s => new(s.Target, s.NaiveTarget, () => s.Targets(s._split, 1), () => s.Targets(s._mixed, 1))
            ),
            (
                $"target mask, {TargetBatch} samples, a sample",
                s =>
                    new(
                        s.Target,
                        s.NaiveTarget,
                        () => s.Targets(s._split, TargetBatch),
                        () => s.Targets(s._mixed, TargetBatch)
                    )
            ),
        ];

    double Step => Operations.Forward(_split, Touched) + Operations.Backward(_split, Touched);

    // Of 51 passes.
    double Target =>
        51 * (Operations.Forward(_split, 1) + Operations.Backward(_split, 1))
        + 2 * Operations.Prefix(_split)
        + Operations.Forward(_split, 0);

    Scenario UntilDone()
    {
        int label = SecondChoice();
        int steps = EditUntilDone(_split, label).Steps;
        double operations = Operations.Prefix(_split) + steps * Step + Operations.Forward(_split, Touched);
        return new(
            operations,
            () => NaiveEditUntilDone(label),
            () => EditUntilDone(_split, label).Milliseconds,
            () => EditUntilDone(_mixed, label).Milliseconds
        )
        {
            Steps = steps,
        };
    }

    // Of an FFN's units the share that a mask of this keep ratio selects in one of its two matrices or both.
    static double Touched => 1 - (1 - Keep) * (1 - Keep);

    public void Dispose()
    {
        _naive.Dispose();
        _state.Dispose();
        _pixels.Dispose();
        foreach (Lazy<LocalitySet> set in (Lazy<LocalitySet>[])[_full, _narrow])
        {
            if (set.IsValueCreated)
                set.Value.Dispose();
        }
        if (_photos.IsValueCreated)
            _photos.Value.Dispose();
        _model.Dispose();
    }

    double NaiveStep() => Time(NaiveSteps, () => _naive.Step());

    int SecondChoice()
    {
        using DisposeScope scope = NewDisposeScope();
        return (int)_split.Logits(_state)[0].topk(2).indexes[1].item<long>();
    }

    double NaiveEditUntilDone(int label)
    {
        using NaiveEdit edit = new(_model, _split.Space, _units[0], _pixels.narrow(0, 0, 1), label, Rate);
        return Time(1, () => edit.Run(StopLoss, MostSteps));
    }

    // From pixels to patch, with the prefix and whatever an edit costs once.
    (double Milliseconds, int Steps) EditUntilDone(SplitVit split, int label)
    {
        int steps = 0;
        double time = Time(
            1,
            () =>
            {
                using PrefixState state = split.Prefix(_pixels.narrow(0, 0, 1));
                MaskedFineTuning editor = new(
                    new AllLocator(),
                    new MaskedFineTuningSettings
                    {
                        LearningRate = Rate,
                        StopLoss = StopLoss,
                        MaxSteps = MostSteps,
                    }
                );
                using EditResult result = editor.Edit(split, [new Failure(state, label)], [_units[0]])[0];
                steps = result.Steps;
            }
        );
        return (time, steps);
    }

    // The whole editor with its stopping test, which random weights never pass; what an edit costs once is left out as
    // in the naive step.
    double Edit(SplitVit split, int edits)
    {
        int steps = Math.Max(_kind.Steps / edits, 2);
        using PrefixState state = _state.Select([.. Enumerable.Range(0, edits)]);
        Failure[] failures = [.. Enumerable.Range(0, edits).Select(i => new Failure(state.Select([i]), 1))];
        MaskedFineTuning editor = new(
            new AllLocator(),
            new MaskedFineTuningSettings { MaxSteps = steps, StopLoss = 0 }
        );
        Stopwatch clock = new();
        // The last forward, after the last step, is the check of success.
        IReadOnlyList<EditResult> results = editor.Edit(
            split,
            failures,
            _units[..edits],
            new AtStep(step =>
            {
                if (step == 0)
                    clock.Start();
                if (step == steps)
                    clock.Stop();
            })
        );
        foreach (EditResult result in results)
            result.Dispose();
        foreach (Failure failure in failures)
            failure.State.Dispose();
        return clock.Elapsed.TotalMilliseconds / steps / edits;
    }

    double NaiveLocality() =>
        Time(
            1,
            () =>
            {
                using IDisposable noGrad = no_grad();
                for (int i = 0; i < _kind.LocalityImages; i += 16)
                {
                    using DisposeScope scope = NewDisposeScope();
                    _ = _model.Logits(_photos.Value.narrow(0, i, Math.Min(16, _kind.LocalityImages - i))).argmax(1);
                }
            }
        );

    double Locality(LocalitySet set)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightDelta delta = new(
            _units[0],
            [
                .. Enumerable
                    .Range(0, _split.Space.Matrices)
                    .Select(m => randn(_units[0][m].Length, _split.Space.Width) * 1e-3),
            ]
        );
        return Time(1, () => set.Measure(delta));
    }

    double NaiveTarget() =>
        Time(
            1,
            () => new NaiveTargetMask(_model, _split.Space).Solve(_pixels.narrow(0, 0, 1), _pixels.narrow(0, 1, 1))
        );

    // With the prefixes of both images, which a sample needs once.
    double Targets(SplitVit split, int samples) =>
        Time(
            1,
            () =>
            {
                using DisposeScope scope = NewDisposeScope();
                using PrefixState mixed = _split.Prefix(_pixels.narrow(0, 0, samples));
                using PrefixState original = _split.Prefix(_pixels.narrow(0, samples, samples));
                Tensor start = rand(samples, _split.Space.Matrices, _split.Space.Hidden) * 2 - 1;
                using TargetMasks targets = new TargetMaskSolver(split).Solve(mixed, _split.Logits(original), start);
            }
        ) / samples;

    static double Time(int count, Action work)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / count;
    }

    sealed class AtStep(Action<int> tell) : IProgress<EditProgress>
    {
        public void Report(EditProgress value) => tell(value.Step);
    }
}
