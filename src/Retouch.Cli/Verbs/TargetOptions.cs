using System.CommandLine;
using System.Diagnostics;
using Retouch.Data;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options that say what target masks are solved on and how.</summary>
sealed class TargetOptions
{
    static readonly TargetMaskSettings Published = new();

    readonly Option<string[]> _images;
    readonly Option<int> _batch = new("--batch")
    {
        Description = "Samples of a training step; the solver's sparsity term is a mean over them.",
        DefaultValueFactory = _ => Published.Batch,
        HelpName = "N",
    };
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<int?> _outerSteps = new("--outer-steps")
    {
        Description = $"Steps on a target's mask (published: {Published.OuterSteps}).",
        HelpName = "N",
    };
    readonly Option<int?> _innerSteps = new("--inner-steps")
    {
        Description = $"Steps on the weights before each of them (published: {Published.InnerSteps}).",
        HelpName = "N",
    };
    readonly Option<double?> _innerRate = new("--inner-lr")
    {
        Description = $"Their step size (published: {Published.InnerLearningRate}).",
        HelpName = "RATE",
    };
    readonly Option<double?> _sparsity = new("--sparsity")
    {
        Description = $"The weight of a mask's mean value (published: {Published.Sparsity}).",
        HelpName = "WEIGHT",
    };
    readonly Option<double?> _start = new("--start-range")
    {
        Description = $"Masks start uniform between minus and plus this (published: {Published.StartRange}).",
        HelpName = "RANGE",
    };
    readonly Option<double?> _fisher = new("--fisher-power")
    {
        Description = $"How much more a unit pays that ordinary images need (published: {Published.FisherPower}).",
        HelpName = "POWER",
    };
    readonly Option<bool> _signs = new("--sign-steps")
    {
        Description =
            "Inner steps go by the sign of the gradient, as the edit's own first step "
            + "does; published: by the gradient.",
    };
    readonly Option<int?> _views = new("--views")
    {
        Description =
            $"Other views of a sample that judge a mask instead of the sample itself (published: {Published.Views}).",
        HelpName = "N",
    };
    readonly Option<int?> _ordinary = new("--ordinary")
    {
        Description = $"Ordinary images that a mask pays for disturbing (published: {Published.OrdinaryImages}).",
        HelpName = "N",
    };
    readonly Option<double?> _locality = new("--locality-share")
    {
        Description = $"How much of a unit's price follows that (default: {Published.Locality}).",
        HelpName = "SHARE",
    };
    readonly Option<double?> _density = new("--density")
    {
        Description =
            "The share of units that a target selects, the price of a unit being each sample's own; published: one "
            + "price for all samples.",
        HelpName = "SHARE",
    };
    readonly Option<double?> _temperature = new("--temperature")
    {
        Description = $"At which predictions are compared (published: {Published.Temperature}).",
        HelpName = "T",
    };

    public TargetOptions(Command command, bool imagesRequired, bool oneBlockIsDepth = false)
    {
        _images = new("--images")
        {
            Description = "Folders of unlabelled images.",
            Required = imagesRequired,
            AllowMultipleArgumentsPerToken = true,
            HelpName = "DIR",
        };
        Verb.Require<int>(_batch, n => n is >= 1 and <= 4096, "a whole number from 1 to 4096");
        Verb.Require<int>(_seed, _ => true, "a whole number");
        Verb.Require<int>(_outerSteps, n => n >= 1, "a whole number of at least 1");
        Verb.Require<int>(_innerSteps, n => n >= 1, "a whole number of at least 1");
        Verb.Require<double>(_innerRate, x => double.IsFinite(x) && x > 0, "a finite number above 0");
        Verb.Require<double>(_sparsity, x => double.IsFinite(x) && x >= 0, "a finite number of at least 0");
        Verb.Require<double>(_temperature, x => double.IsFinite(x) && x > 0, "a finite number above 0");
        Verb.Require<int>(_views, n => n is >= 0 and <= 64, "a whole number from 0 to 64");
        Verb.Require<int>(_ordinary, n => n is >= 0 and <= 64, "a whole number from 0 to 64");
        Verb.Require<double>(_locality, x => x is >= 0 and <= 1, "a number from 0 to 1");
        Verb.Require<double>(_density, x => x is > 0 and < 1, "a number above 0 and below 1");
        Verb.Require<double>(_start, x => double.IsFinite(x) && x >= 0, "a finite number of at least 0");
        Verb.Require<double>(_fisher, x => x is >= 0 and <= 10, "a number from 0 to 10");
        command.Add(_images);
        _blocks = new BlocksOption(command, oneBlockIsDepth);
        _precision = new PrecisionOption(command, Precision.Full);
        foreach (
            Option option in (Option[])
                [
                    _batch,
                    _seed,
                    _outerSteps,
                    _innerSteps,
                    _innerRate,
                    _sparsity,
                    _start,
                    _fisher,
                    _signs,
                    _views,
                    _ordinary,
                    _locality,
                    _density,
                    _temperature,
                ]
        )
            command.Add(option);
    }

    public int Seed(ParseResult parsed) => parsed.GetValue(_seed);

    public int Batch(ParseResult parsed) => parsed.GetValue(_batch);

    /// <summary>The hypernetwork's own blocks, where --blocks says those.</summary>
    public int? Depth(ParseResult parsed) => _blocks.Depth(parsed);

    public SplitVit Cut(ParseResult parsed, Terminal terminal, VitModel model) =>
        _precision.Cut(parsed, terminal, model, _blocks.Space(parsed, model));

    /// <summary>What solves the targets, or null where no images are given.</summary>
    public TargetBankFiller? Filler(ParseResult parsed, Terminal terminal, SplitVit split, Preprocessing preprocessing)
    {
        if (parsed.GetValue(_images) is not { Length: > 0 } folders)
            return null;
        ImageFolders images = ImageFolders.Open(folders);
        terminal.Warnings(images.LeftOut);
        return new TargetBankFiller(split, images, preprocessing, Settings(parsed), Seed(parsed));
    }

    TargetMaskSettings Settings(ParseResult parsed) =>
        Published with
        {
            Batch = Batch(parsed),
            OuterSteps = parsed.GetValue(_outerSteps) ?? Published.OuterSteps,
            InnerSteps = parsed.GetValue(_innerSteps) ?? Published.InnerSteps,
            InnerLearningRate = parsed.GetValue(_innerRate) ?? Published.InnerLearningRate,
            Sparsity = parsed.GetValue(_sparsity) ?? Published.Sparsity,
            StartRange = parsed.GetValue(_start) ?? Published.StartRange,
            FisherPower = parsed.GetValue(_fisher) ?? Published.FisherPower,
            SignSteps = parsed.GetValue(_signs),
            Views = parsed.GetValue(_views) ?? Published.Views,
            OrdinaryImages = parsed.GetValue(_ordinary) ?? Published.OrdinaryImages,
            Locality = parsed.GetValue(_locality) ?? Published.Locality,
            Density = parsed.GetValue(_density),
            Temperature = parsed.GetValue(_temperature) ?? Published.Temperature,
        };

    /// <summary>Refuses a number of targets that no training could hold, before any is solved.</summary>
    public static void RequireMemory(EditSpace space, int count) =>
        MemoryNeed.Require(
            // Those of the files, those that are learned from, and a batch of them at a time.
            2 * TargetBank.SampleBytes(space) * count,
            $"Learning from {count} targets",
            Remedy.Smaller(Parameter.Targets)
        );

    /// <summary>Refuses a number of targets whose files the disk cannot hold, before any is solved.</summary>
    public static void RequireDisk(EditSpace space, int count, string bank)
    {
        double bytes = TargetBank.SampleBytes(space) * count;
        string root = Path.GetFullPath(bank);
        while (!Directory.Exists(root) && Path.GetDirectoryName(root) is string parent)
            root = parent;
        if (bytes > new DriveInfo(root).TotalSize)
            throw new BadInputException(
                $"{count} targets would take {MemoryNeed.Size(bytes)} of disk, and the one of {bank} has "
                    + $"{MemoryNeed.Size(new DriveInfo(root).TotalSize)}; give a smaller --count."
            );
    }

    /// <summary>Solves what a bank lacks, telling how it goes.</summary>
    public static void Fill(
        Terminal terminal,
        TargetBankFiller filler,
        TargetBank bank,
        int count,
        int part,
        int parts,
        CancellationToken cancellation
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        TargetBankProgress last = default;
        try
        {
            terminal.Live(update =>
            {
                filler.Fill(
                    bank,
                    count,
                    part,
                    parts,
                    progress: new Told<TargetBankProgress>(p =>
                    {
                        last = p;
                        double perSecond = p.Solved / clock.Elapsed.TotalSeconds;
                        update(
                            new LiveView(
                                "solving target masks",
                                p.Solved,
                                p.Total,
                                [
                                    ("targets", $"{p.Solved} of {p.Total}"),
                                    ("targets a second", $"{perSecond:0.00}"),
                                    (
                                        "time left",
                                        $"{TimeSpan.FromSeconds((p.Total - p.Solved) / perSecond):hh\\:mm\\:ss}"
                                    ),
                                    ("KL", $"{p.Before:0.000} → {p.After:0.000}"),
                                    ("density", $"{p.Density:0.000}"),
                                ]
                            )
                        );
                    }),
                    cancellation: cancellation
                );
                return true;
            });
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(
                $"interrupted; {bank.SolvedOf(count)} of {count} targets are kept in {bank.Folder}, and the same "
                    + "command goes on from there.",
                e,
                cancellation
            );
        }
        finally
        {
            PrintSkipped(terminal, filler);
        }
        if (last.Solved > 0)
        {
            terminal.Note(
                $"solved {last.Solved} targets in {clock.Elapsed.TotalSeconds:0} s "
                    + $"({last.Solved / clock.Elapsed.TotalSeconds:0.00}/s): KL {last.Before:0.000} before, "
                    + $"{last.After:0.000} after, density {last.Density:0.000}"
            );
        }
    }

    /// <summary>Names the images that could not be decoded.</summary>
    public static void PrintSkipped(Terminal terminal, TargetBankFiller filler)
    {
        foreach ((_, Problem why) in filler.Skipped.OrderBy(s => s.Key, StringComparer.Ordinal))
            terminal.Note($"warning: skipped, {RemedyText.Of(why)}");
        if (filler.Skipped.Count > 0)
            terminal.Note($"warning: {filler.Skipped.Count} images could not be decoded; others took their place.");
    }
}
