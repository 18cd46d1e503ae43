using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// Solves the samples that a target bank lacks. Each sample is solved by itself on one thread, several at a
/// time: products of this size gain more from independent samples than from threads inside them, and the
/// result cannot depend on how many there are or on how the work is split.
/// </summary>
public sealed class TargetBankFiller : IDisposable
{
    // Images that the Fisher information is measured on: enough that its largest units no longer change places.
    const int FisherImages = 128;
    const int FisherBatch = 8;
    const int FisherPurpose = 4;
    const int OrdinaryPurpose = 6;

    readonly SplitVit _split;
    readonly PseudoFailures _failures;
    readonly Preprocessing _preprocessing;
    readonly TargetMaskSettings _settings;
    readonly ImageFolders _images;
    readonly int _seed;
    readonly Lazy<(TargetMaskSolver Solver, DiagonalFisher? Fisher)> _solver;
    readonly Lazy<(PrefixState State, Tensor Logits)> _ordinary;

    /// <summary>Creates a filler.</summary>
    /// <param name="split">The model.</param>
    /// <param name="images">The images to make pseudo-failures of.</param>
    /// <param name="preprocessing">The model's.</param>
    /// <param name="settings">The solver's settings, or null for the published ones.</param>
    /// <param name="seed">The seed of the samples.</param>
    /// <exception cref="BadInputException">A setting is out of range, or there are too few images.</exception>
    public TargetBankFiller(
        SplitVit split,
        ImageFolders images,
        Preprocessing preprocessing,
        TargetMaskSettings? settings = null,
        int seed = 0
    )
    {
        settings ??= new();
        settings.Validate();
        (_split, _preprocessing, _settings, _images, _seed) = (split, preprocessing, settings, images, seed);
        _solver = new(Solver);
        _ordinary = new(Ordinary);
        _failures = new PseudoFailures(images, preprocessing, split.Model.Config, split.Space, seed, settings.Batch);
        EditSpace space = split.Space;
        Manifest = new TargetBankManifest
        {
            Model = split.Model.Fingerprint,
            FirstBlock = space.FirstBlock,
            Blocks = space.Blocks,
            Hidden = space.Hidden,
            Gated = space.IsGated,
            Width = space.Width,
            Read = split.Model.Config.Reads is var read && read == space.Width ? null : read,
            Images = images.Paths.Count,
            ImagesSha256 = images.Hash(),
            Preprocessing = preprocessing.ToJson(),
            Seed = seed,
            Settings = Describe(settings, split.Precision),
        };
    }

    // A bank from before there was a choice is float32.
    static SortedDictionary<string, string> Describe(TargetMaskSettings settings, Precision precision)
    {
        SortedDictionary<string, string> described = settings.Describe();
        if (precision == Precision.Mixed)
            described["precision"] = "bfloat16";
        return described;
    }

    /// <summary>The manifest of a bank of these samples.</summary>
    public TargetBankManifest Manifest { get; }

    /// <summary>Files that could not be decoded so far and why.</summary>
    public IReadOnlyDictionary<string, Problem> Skipped => _failures.Skipped;

    /// <summary>
    /// Solves what a bank lacks of samples 0 to <paramref name="count"/> − 1. A cancelled run keeps what it has
    /// solved and continues where it was when called again.
    /// </summary>
    /// <param name="bank">A bank with this filler's manifest.</param>
    /// <param name="count">Samples that the bank is to have.</param>
    /// <param name="part">Which part of the files this run solves, from 0 to <paramref name="parts"/> − 1.</param>
    /// <param name="parts">How many runs share the work.</param>
    /// <param name="workers">Samples solved at once, or null for one per thread of libtorch.</param>
    /// <param name="progress">Told after each sample, from one thread at a time, or null to ignore.</param>
    /// <param name="cancellation">Stops within a second or so.</param>
    /// <exception cref="BadInputException">
    /// The bank belongs to another task, one of its files is damaged, another process solves some of the
    /// samples, or no image can be decoded.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; what was solved is kept.</exception>
    public void Fill(
        TargetBank bank,
        int count,
        int part = 0,
        int parts = 1,
        int? workers = null,
        IProgress<TargetBankProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (bank.Manifest.Identity() != Manifest.Identity())
            throw new ArgumentException("The bank has another manifest.", nameof(bank));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (part < 0 || part >= parts)
            throw new ArgumentOutOfRangeException(nameof(part), part, $"must be from 0 to {parts - 1}");

        TargetBankPart done = new(Manifest.Identity(), part, parts, count);
        // With nothing to write there is nothing to exclude.
        if (parts == 1 && Missing(bank, count, part, parts).Count == 0)
            return;
        using WriterLock writer = bank.Lock(part, parts);
        if (parts > 1)
            bank.Undo(part, parts);
        List<Shard> shards = Missing(bank, count, part, parts);
        (Shard Shard, int Place)[] work =
        [
            .. shards.SelectMany(s => Enumerable.Range(s.Solved, s.Results.Length).Select(p => (s, p))),
        ];
        Tally tally = new(work.Length, progress);
        try
        {
            SingleThreaded.Run(
                workers ?? get_num_threads(),
                work.Length,
                i =>
                {
                    (Shard shard, int place) = work[i];
                    TargetSamples sample = Solve(shard.Number * TargetBank.ShardSize + place, cancellation);
                    bool complete = shard.Add(place, sample);
                    tally.Add(sample);
                    if (complete)
                        shard.Save(bank);
                },
                cancellation
            );
        }
        finally
        {
            foreach (Shard shard in shards)
                shard.Save(bank);
        }
        bank.Done(done);
    }

    static List<Shard> Missing(TargetBank bank, int count, int part, int parts)
    {
        List<Shard> shards = [];
        for (long shard = part; shard * TargetBank.ShardSize < count; shard += parts)
        {
            int wanted = (int)Math.Min(TargetBank.ShardSize, count - shard * TargetBank.ShardSize);
            int solved = bank.Solved(shard);
            if (solved < wanted)
                shards.Add(new Shard(shard, solved, wanted));
        }
        return shards;
    }

    // On a thread for which libtorch has one thread: with more, sums may come in another order.
    TargetSamples Solve(long index, CancellationToken cancellation)
    {
        using DisposeScope scope = NewDisposeScope();
        PseudoFailure failure = _failures.Create(index, _settings.Views);
        using PrefixState spoilt = _split.Prefix(_preprocessing.ToTensor(failure.Spoilt));
        using PrefixState original = _split.Prefix(_preprocessing.ToTensor(failure.Original));
        Tensor start =
            tensor(
                [.. failure.Start],
                [1, _split.Space.Matrices, _split.Space.Hidden],
                ScalarType.Float32,
                spoilt.Residual.device
            ) * Held(_settings.StartRange);
        Tensor wanted = _split.ClassFeatures(original);
        Tensor logits = _split.Model.Classify(wanted);
        using PrefixState? views = Prefix(failure.Views.Select(v => v.Spoilt));
        using PrefixState? originals = Prefix(failure.Views.Select(v => v.Original));
        int[] chosen =
            _settings.OrdinaryImages == 0
                ? []
                :
                [
                    .. StableRandom
                        .For(_seed, OrdinaryPurpose, index)
                        .GetItems(
                            Enumerable.Range(0, _ordinary.Value.State.Images).ToArray(),
                            _settings.OrdinaryImages
                        ),
                ];
        using PrefixState? ordinary = chosen.Length == 0 ? null : _ordinary.Value.State.Select(chosen);
        TargetMasks target = _solver.Value.Solver.Solve(
            new TargetProblem(spoilt, logits, start)
            {
                Views = views,
                WantedOfViews = originals is null ? null : _split.Logits(originals),
                Ordinary = ordinary,
                LogitsOfOrdinary = ordinary is null
                    ? null
                    : _ordinary.Value.Logits.index_select(
                        0,
                        tensor([.. chosen.Select(i => (long)i)], ScalarType.Int64, spoilt.Residual.device)
                    ),
            },
            cancellation
        );
        return new TargetSamples(
            index,
            _split.ClassFeatures(spoilt).flatten(1).DetachFromDisposeScope(),
            wanted.flatten(1).DetachFromDisposeScope(),
            target.Values.DetachFromDisposeScope(),
            UnitGradients.Norms(_split, spoilt, [logits.argmax(1).item<long>()]).DetachFromDisposeScope(),
            tensor([target.Before[0], target.After[0], target.Density[0]], [1, 3], ScalarType.Float32)
                .DetachFromDisposeScope()
        );
    }

    /// <summary>Solves consecutive samples; the caller disposes them.</summary>
    /// <param name="first">The number of the first.</param>
    /// <param name="count">How many.</param>
    /// <param name="workers">Samples solved at once, or null for one per thread of libtorch.</param>
    /// <param name="cancellation">Stops within a second or so.</param>
    /// <exception cref="BadInputException">None of the images can be decoded.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public TargetSamples SolveRange(
        long first,
        int count,
        int? workers = null,
        CancellationToken cancellation = default
    )
    {
        TargetSamples?[] samples = new TargetSamples?[count];
        try
        {
            SingleThreaded.Run(
                workers ?? get_num_threads(),
                count,
                i => samples[i] = Solve(first + i, cancellation),
                cancellation
            );
            return TargetSamples.Join([.. samples.Select(s => s!)]);
        }
        finally
        {
            foreach (TargetSamples? sample in samples)
                sample?.Dispose();
        }
    }

    /// <summary>Frees what the solver needs.</summary>
    public void Dispose()
    {
        if (_solver.IsValueCreated)
            _solver.Value.Fisher?.Dispose();
        if (_ordinary.IsValueCreated)
        {
            _ordinary.Value.State.Dispose();
            _ordinary.Value.Logits.Dispose();
        }
    }

    (TargetMaskSolver, DiagonalFisher?) Solver()
    {
        if (_settings.FisherPower == 0)
            return (new TargetMaskSolver(_split, _settings), null);
        DiagonalFisher fisher = DiagonalFisher.Measure(_split, SomeImages(), _seed);
        return (new TargetMaskSolver(_split, _settings, fisher), fisher);
    }

    (PrefixState, Tensor) Ordinary()
    {
        PrefixState[] states = [.. SomeImages()];
        try
        {
            PrefixState all = PrefixState.Concat(states);
            return (all, _split.Logits(all).DetachFromDisposeScope());
        }
        finally
        {
            foreach (PrefixState state in states)
                state.Dispose();
        }
    }

    // The same images for the Fisher information and for locality, whatever the samples.
    IEnumerable<PrefixState> SomeImages()
    {
        string[] paths = [.. _images.Paths];
        StableRandom.For(_seed, FisherPurpose, 0).Shuffle(paths);
        return paths
            .Take(FisherImages)
            .Chunk(VitCost.Of(_split.Model.Config).ImagesTogether(FisherBatch))
            .SelectMany(Prefixes);
    }

    PrefixState? Prefix(IEnumerable<RgbImage> images) =>
        images.ToArray() is { Length: > 0 } some ? _split.Prefix(_preprocessing.ToTensor(some)) : null;

    IEnumerable<PrefixState> Prefixes(string[] paths)
    {
        (Tensor pixels, IReadOnlyList<int> loaded, _) = ImageLoader.LoadAvailable(paths, _preprocessing);
        using (pixels)
        {
            if (loaded.Count > 0)
                yield return _split.Prefix(pixels);
        }
    }

    /// <summary>The samples of a file that this run solves.</summary>
    sealed class Shard(long number, int solved, int wanted)
    {
        readonly Lock _lock = new();
        int _added;

        public long Number => number;

        public int Solved => solved;

        public TargetSamples?[] Results { get; } = new TargetSamples?[wanted - solved];

        /// <summary>Takes a sample over; says whether it was the last.</summary>
        public bool Add(int place, TargetSamples sample)
        {
            lock (_lock)
            {
                Results[place - solved] = sample;
                return ++_added == Results.Length;
            }
        }

        /// <summary>Writes what there is without a gap, once, and frees all.</summary>
        public void Save(TargetBank bank)
        {
            TargetSamples[] solvedNow = [.. Results.TakeWhile(r => r is not null).Select(r => r!)];
            if (solvedNow.Length > 0)
            {
                using TargetSamples? before = solved > 0 ? bank.Read(number) : null;
                using TargetSamples all = TargetSamples.Join(before is null ? solvedNow : [before, .. solvedNow]);
                bank.Write(all);
            }
            foreach (TargetSamples? result in Results)
                result?.Dispose();
            Array.Clear(Results);
        }
    }

    /// <summary>Running means.</summary>
    sealed class Tally(int total, IProgress<TargetBankProgress>? progress)
    {
        readonly Lock _lock = new();
        readonly double[] _sums = new double[3];
        int _count;

        public void Add(TargetSamples sample)
        {
            lock (_lock)
            {
                float[] measures = sample.Measures.data<float>().ToArray();
                _count++;
                for (int i = 0; i < measures.Length; i++)
                    _sums[i] += measures[i];
                progress?.Report(
                    new TargetBankProgress(_count, total, _sums[0] / _count, _sums[1] / _count, _sums[2] / _count)
                );
            }
        }
    }
}
