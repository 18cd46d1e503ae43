using System.CommandLine;
using System.Diagnostics;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>train-locator</c>: trains a hypernetwork to say where a model is best edited.</summary>
sealed class TrainLocatorVerb : Verb
{
    const int DefaultTargets = 6400;
    static readonly LocatorTrainingSettings Published = new();
    static readonly OrderedDictionary<string, LocatorInput> Inputs = new()
    {
        ["feature"] = LocatorInput.Feature,
        ["feature+error"] = LocatorInput.FeatureAndError,
        ["feature+gradient"] = LocatorInput.FeatureAndGradient,
    };

    readonly ModelOptions _model;
    readonly TargetOptions _targets;
    readonly Option<string> _out = new("--out")
    {
        Description = "The locator to write; its curves go beside it as .csv and .svg.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _bank = new("--bank")
    {
        Description =
            "A target bank to learn from, made or filled up first; without one, targets are solved on the way and "
            + "learned once, as published.",
        HelpName = "DIR",
    };
    readonly Option<int?> _count = new("--targets")
    {
        Description = $"Targets to learn from (by default {DefaultTargets}, or without --images what the bank has).",
        HelpName = "N",
    };
    readonly Option<double> _divergence = new("--min-divergence")
    {
        Description =
            "Learn only those of a bank's targets whose image CutMix spoilt at least so much, in KL divergence.",
        HelpName = "KL",
    };
    readonly Option<int> _epochs = new("--epochs")
    {
        Description = "How often each target of a bank is learned.",
        DefaultValueFactory = _ => 30,
        HelpName = "N",
    };
    readonly Option<double> _heldOut = new("--held-out")
    {
        Description = "The share of a bank's targets that chooses the best weights instead of being learned.",
        DefaultValueFactory = _ => 0.05,
        HelpName = "SHARE",
    };
    readonly Option<string> _input = new("--input")
    {
        Description =
            "What the hypernetwork sees of a failure: its feature, as published, and the error at it or the gradient "
            + "that corrects it.",
        DefaultValueFactory = _ => Inputs.Keys.First(),
        HelpName = string.Join('|', Inputs.Keys),
    };
    readonly Option<bool> _balanced = new("--balanced")
    {
        Description = "Rank units within their matrix, so that a mask has as many of each; published: all compete.",
    };
    readonly Option<int> _depth = new("--hypernetwork-blocks")
    {
        Description = "Transformer blocks of the hypernetwork; --blocks with a number alone means them, too.",
        DefaultValueFactory = _ => Published.Blocks,
        HelpName = "N",
    };
    readonly Option<int> _heads = new("--hypernetwork-heads")
    {
        Description = "Attention heads of the hypernetwork, fewer where they do not divide the width.",
        DefaultValueFactory = _ => Published.Heads,
        HelpName = "N",
    };
    readonly Option<int?> _mlpWidth = new("--mlp-width")
    {
        Description = "The hidden width of its MLPs; by default the model's width.",
        HelpName = "N",
    };
    readonly Option<double> _lr = new("--lr")
    {
        Description = "RMSprop's first step size.",
        DefaultValueFactory = _ => Published.LearningRate,
        HelpName = "RATE",
    };
    readonly Option<bool> _half = new("--half") { Description = "Store float16: half the size." };
    readonly Option<bool> _resume = new("--resume")
    {
        Description = "Go on from the checkpoint beside --out, where there is one.",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing locator." };

    public TrainLocatorVerb()
        : base(
            "train-locator",
            "Train a hypernetwork that says where to edit a model, on unlabelled images.",
            reports: true
        )
    {
        _model = new ModelOptions(this, withLabels: false);
        Add(_out);
        Add(_bank);
        _targets = new TargetOptions(this, imagesRequired: false, oneBlockIsDepth: true);
        Require<int>(_count, n => n >= 1, "a whole number of at least 1");
        Require<double>(_divergence, x => double.IsFinite(x) && x >= 0, "a finite number of at least 0");
        Require<int>(_epochs, n => n >= 1, "a whole number of at least 1");
        Require<double>(_heldOut, share => share is >= 0 and < 1, "a number of at least 0 and below 1");
        Require<string>(_input, Inputs.ContainsKey, string.Join(" or ", Inputs.Keys));
        Require<int>(_depth, n => n is >= 1 and <= 64, "a whole number from 1 to 64");
        Require<int>(_heads, n => n is >= 1 and <= 256, "a whole number from 1 to 256");
        Require<int>(_mlpWidth, n => n is >= 1 and <= 65536, "a whole number from 1 to 65536");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        foreach (
            Option option in (Option[])
                [
                    _count,
                    _divergence,
                    _epochs,
                    _heldOut,
                    _input,
                    _balanced,
                    _depth,
                    _heads,
                    _mlpWidth,
                    _lr,
                    _half,
                    _resume,
                    _overwrite,
                ]
        )
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Depth(parsed);
        string output = parsed.GetRequiredValue(_out);
        OutputName.Require(output, "a locator (a safetensors file)", ".safetensors");
        IReadOnlyList<string> sides = LocatorResult.CurvesOf(output);
        string checkpoint = LocatorResult.CheckpointOf(output);
        // What a training wrote that was killed before it could say so is its own.
        bool finished = parsed.GetValue(_resume) && File.Exists(checkpoint) && LocatorCheckpoint.IsFinished(checkpoint);
        bool overwrite = parsed.GetValue(_overwrite) || finished;
        AtomicFile.CheckWritable(output, overwrite);
        foreach (string side in sides)
            AtomicFile.CheckWritable(side, overwrite: true);
        using WriterLock writer = WriterLock.Take(output, Name);
        using ModelFile file = _model.Load(parsed, terminal);
        ModelOptions.PrintPreprocessing(file, terminal);
        SplitVit split = _targets.Cut(parsed, terminal, file.Model);
        LocatorTraining.RequireRoom(split.Space, Settings(parsed));
        using TargetBankFiller? filler = _targets.Filler(parsed, terminal, split, file.Preprocessing);
        string? bankFolder = parsed.GetValue(_bank);
        if (filler is null && bankFolder is null)
            throw new BadInputException(
                "Name folders of unlabelled images with --images, or a target bank with --bank."
            );

        Trained trained = bankFolder is null
            ? Online(parsed, terminal, split, filler!, cancellation)
            : FromBank(parsed, terminal, split, filler, bankFolder, cancellation);
        using LocatorTraining training = trained.Training;
        LocatorResult result = LocatorResult.Write(
            training,
            trained.Data,
            trained.Manifest,
            trained.Count,
            output,
            parsed.GetValue(_half),
            overwrite
        );
        terminal.Line(
            $"{output}: {trained.Count} targets, {result.Batches} batches, BCE on held-out targets "
                + $"{result.HeldOutLoss:0.0000}"
                + (result.MeanMaskLoss is double mean ? $" (the mean target mask: {mean:0.0000})" : "")
        );
        terminal.Line($"curves: {sides[0]} and {sides[1]}");
        terminal.Object(
            new TrainLocatorJson(
                output,
                trained.Count,
                result.Batches,
                result.HeldOutLoss,
                result.MeanMaskLoss,
                split.Model.Fingerprint,
                sides[0],
                sides[1]
            ),
            JsonOutput.Default.TrainLocatorJson
        );
        return App.Ok;
    }

    Trained FromBank(
        ParseResult parsed,
        Terminal terminal,
        SplitVit split,
        TargetBankFiller? filler,
        string folder,
        CancellationToken cancellation
    )
    {
        if (parsed.GetValue(_count) is int wanted)
            TargetOptions.RequireMemory(split.Space, wanted);
        TargetBank bank = filler is null ? TargetBank.Open(folder) : TargetBank.OpenOrCreate(folder, filler.Manifest);
        if (bank.Manifest.Model != split.Model.Fingerprint)
            throw new BadInputException(
                $"The target bank {folder} was made for the model {bank.Manifest.Model}, not "
                    + $"{split.Model.Fingerprint}. Give the model that it was made for, or another bank."
            );
        EditSpace space = split.Space;
        if ((bank.Manifest.FirstBlock, bank.Manifest.Blocks) != (space.FirstBlock, space.Blocks))
            throw new BadInputException(
                $"The target bank {folder} is for the blocks "
                    + $"{bank.Manifest.FirstBlock}-{bank.Manifest.FirstBlock + bank.Manifest.Blocks - 1}, not "
                    + $"{space.BlockRange}; give --blocks "
                    + $"{bank.Manifest.FirstBlock}-{bank.Manifest.FirstBlock + bank.Manifest.Blocks - 1}, or another "
                    + "bank."
            );
        int count = parsed.GetValue(_count) ?? (filler is null ? (int)bank.SolvedFromFirst() : DefaultTargets);
        if (filler is not null)
            TargetOptions.Fill(terminal, filler, bank, count, 0, 1, cancellation);
        using TargetSamples all = bank.ReadFirst(count);
        using TargetSamples samples = all.AtLeast(parsed.GetValue(_divergence));

        int heldOut = (int)Math.Round(parsed.GetValue(_heldOut) * samples.Count);
        int epochs = parsed.GetValue(_epochs);
        int batch = _targets.Batch(parsed);
        int perEpoch = Math.Max((samples.Count - heldOut) / batch, 1);
        LocatorTrainingSettings settings = Settings(parsed) with { StepsPerBatch = 1, Schedule = epochs * perEpoch };
        string data =
            $"target bank {bank.Manifest.Identity()}, {count} targets, {samples.Count} learned from, "
            + $"{heldOut} held out, {epochs} epochs";
        LocatorTraining training = Begin(parsed, terminal, space, settings, data, out Action<LocatorTraining> keep);
        Run(
            parsed,
            terminal,
            training,
            (progress) =>
                new LocatorTrainer(split.Model, training, every: Math.Max(perEpoch / 2, 1), keep, progress).FromBank(
                    samples,
                    epochs,
                    heldOut,
                    cancellation
                ),
            cancellation
        );
        return new Trained(training, bank.Manifest, samples.Count, data);
    }

    Trained Online(
        ParseResult parsed,
        Terminal terminal,
        SplitVit split,
        TargetBankFiller filler,
        CancellationToken cancellation
    )
    {
        if (parsed.GetValue(_divergence) > 0)
            throw new BadInputException(
                "--min-divergence chooses among the targets of a bank; give a --bank, or leave it out."
            );
        LocatorTrainingSettings settings = Settings(parsed);
        int batches = Math.Max((parsed.GetValue(_count) ?? DefaultTargets) / settings.Batch, 1);
        string data = $"samples {filler.Manifest.Identity()}";
        LocatorTraining training = Begin(
            parsed,
            terminal,
            split.Space,
            settings,
            data,
            out Action<LocatorTraining> keep
        );
        try
        {
            Run(
                parsed,
                terminal,
                training,
                progress =>
                    new LocatorTrainer(split.Model, training, every: 5, keep, progress).Online(
                        filler,
                        batches,
                        cancellation: cancellation
                    ),
                cancellation
            );
        }
        finally
        {
            TargetOptions.PrintSkipped(terminal, filler);
        }
        return new Trained(training, filler.Manifest, batches * settings.Batch, data);
    }

    LocatorTraining Begin(
        ParseResult parsed,
        Terminal terminal,
        EditSpace space,
        LocatorTrainingSettings settings,
        string data,
        out Action<LocatorTraining> keep
    )
    {
        string checkpoint = LocatorResult.CheckpointOf(parsed.GetRequiredValue(_out));
        bool exists = File.Exists(checkpoint);
        if (exists && !parsed.GetValue(_resume) && !parsed.GetValue(_overwrite))
            throw new BadInputException(
                $"{checkpoint} is a training that was interrupted; pass --resume to go on, or "
                    + "--overwrite to start anew."
            );
        keep = t => LocatorCheckpoint.Save(t, data, checkpoint);
        if (!exists || !parsed.GetValue(_resume))
            return LocatorTraining.Start(space, settings);
        LocatorTraining training = LocatorCheckpoint.Load(checkpoint, data, settings);
        terminal.Note($"going on from {checkpoint}, after {training.Batches} batches");
        return training;
    }

    void Run(
        ParseResult parsed,
        Terminal terminal,
        LocatorTraining training,
        Action<IProgress<TrainingProgress>> train,
        CancellationToken cancellation
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        int first = training.Batches;
        try
        {
            terminal.Live(update =>
            {
                train(
                    new Told<TrainingProgress>(p =>
                        update(
                            new LiveView(
                                "training the locator",
                                p.Batches,
                                p.Total,
                                Rows(p, first, clock.Elapsed.TotalSeconds, training.Settings.Batch)
                            )
                        )
                    )
                );
                return true;
            });
        }
        catch (OperationCanceledException e)
        {
            string checkpoint = LocatorResult.CheckpointOf(parsed.GetRequiredValue(_out));
            int batches = training.Batches;
            training.Dispose();
            throw new OperationCanceledException(
                File.Exists(checkpoint)
                    ? $"interrupted after {batches} batches; {checkpoint} keeps them, "
                        + "and the same command with --resume goes on."
                    : "interrupted before the first batch; the same command begins anew.",
                e,
                cancellation
            );
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    static IReadOnlyList<(string, string)> Rows(TrainingProgress p, int first, double seconds, int batch)
    {
        double perSecond = (p.Batches - first) / Math.Max(seconds, 1e-9);
        List<(string, string)> rows =
        [
            ("batches", $"{p.Batches} of {p.Total}"),
            ("samples a second", $"{perSecond * batch:0.0}"),
            (
                "time left",
                perSecond > 0 ? $"{TimeSpan.FromSeconds((p.Total - p.Batches) / perSecond):hh\\:mm\\:ss}" : ""
            ),
        ];
        if (p.Last is { } point)
        {
            rows.AddRange([
                ("BCE, training", $"{point.Loss:0.0000}"),
                (
                    "BCE, held out",
                    point.HeldOutLoss is double loss
                        ? $"{loss:0.0000} (mean mask {point.MeanMaskLoss:0.0000})"
                        : $"{point.Loss:0.0000} (each batch before it is learned)"
                ),
                ("target KL", $"{point.Before:0.000} → {point.After:0.000}"),
                ("density", $"targets {point.TargetDensity:0.000}, hypernetwork {point.OutputDensity:0.000}"),
                (
                    "difference between samples",
                    $"targets {point.TargetDifference:0.000}, hypernetwork {point.OutputDifference:0.000}"
                ),
            ]);
        }
        return rows;
    }

    LocatorTrainingSettings Settings(ParseResult parsed) =>
        Published with
        {
            Input = Inputs[parsed.GetRequiredValue(_input)],
            MinDivergence = parsed.GetValue(_divergence),
            Balanced = parsed.GetValue(_balanced),
            Blocks = Depth(parsed),
            Heads = parsed.GetValue(_heads),
            MlpWidth = parsed.GetValue(_mlpWidth),
            Batch = _targets.Batch(parsed),
            LearningRate = parsed.GetValue(_lr),
            Seed = _targets.Seed(parsed),
        };

    int Depth(ParseResult parsed)
    {
        int depth = parsed.GetValue(_depth);
        if (_targets.Depth(parsed) is not int other)
            return depth;
        if (other == depth || parsed.GetResult(_depth) is not { Implicit: false })
            return other;
        throw new BadInputException(
            $"--blocks {other} and --hypernetwork-blocks {depth} both give the hypernetwork's "
                + "blocks; leave one out, or give --blocks a window such as 7-9."
        );
    }

    sealed record Trained(LocatorTraining Training, TargetBankManifest Manifest, int Count, string Data);
}
