using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a model, a benchmark and where its images are.</summary>
sealed class BenchmarkOptions
{
    readonly ModelOptions _model;
    readonly Option<string> _benchmark = new("--benchmark")
    {
        Description = "The benchmark, which 'mine' writes.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<string[]> _images = new("--images")
    {
        Description = "The folders that it was mined from, in any order.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?>? _locality;
    readonly Option<string[]>? _near;
    readonly Option<string[]>? _sideEffects;
    readonly Option<string?>? _accept;
    readonly Option<string[]>? _sensitive;
    readonly Option<double>? _margin;
    readonly MemoryOption _memory;

    public BenchmarkOptions(
        Command command,
        bool withLocality = true,
        bool withLabels = false,
        bool withNear = false,
        bool ofBench = false
    )
    {
        _model = new ModelOptions(command, withLabels);
        command.Add(_benchmark);
        command.Add(_images);
        if (withLocality)
            command.Add(
                _locality = new("--locality") { Description = "The folder of its locality images.", HelpName = "DIR" }
            );
        if (withNear)
        {
            command.Add(
                _near = new("--near")
                {
                    Description =
                        "Folders of labelled images of the same shift, in folders that are called by their class, as "
                        + "for 'mine': of those that are right, the share that each edit makes wrong is "
                        + "counted (negative flips), without the images of its own group.",
                    AllowMultipleArgumentsPerToken = true,
                    HelpName = "DIR",
                }
            );
            command.Add(
                _accept = new("--accept")
                {
                    Description =
                        $"What other folder names of --near{(ofBench ? " and --side-effects" : "")} mean, "
                        + "as for 'mine'.",
                    HelpName = "FILE",
                }
            );
        }
        if (ofBench)
        {
            command.Add(
                _sideEffects = new("--side-effects")
                {
                    Description =
                        "Folders of labelled images, read like --near: what a few edits by the default of each of the "
                        + "run's methods do to accuracy on them, clean and under noise, blur, JPEG and brightness.",
                    AllowMultipleArgumentsPerToken = true,
                    HelpName = "DIR",
                }
            );
            command.Add(
                _sensitive = new("--sensitive")
                {
                    Description =
                        "Folders of any other images, without labels: those that the model is unsure of are found "
                        + "once, and LR over them is measured for every edit, as in the paper, without the images of "
                        + "its own group.",
                    AllowMultipleArgumentsPerToken = true,
                    HelpName = "DIR",
                }
            );
            Option<double> margin = new("--margin")
            {
                Description = "An image of --sensitive counts if its two largest probabilities differ by less.",
                DefaultValueFactory = _ => MiningSettings.PublishedMargin,
                HelpName = "P",
            };
            Verb.Require<double>(margin, p => p is >= 0 and <= 1, "a number from 0 to 1");
            command.Add(_margin = margin);
        }
        _memory = new MemoryOption(command);
    }

    /// <summary>The benchmark, and where its images are.</summary>
    public BenchmarkSource Source(ParseResult parsed) =>
        new()
        {
            File = parsed.GetRequiredValue(_benchmark),
            Images = parsed.GetRequiredValue(_images),
            Locality = _locality is null ? null : parsed.GetValue(_locality),
            Near = Near(parsed),
            SideEffects = SideEffects(parsed),
            Accepted = _accept is null ? null : parsed.GetValue(_accept),
            Sensitive = Sensitive(parsed),
            SensitiveMargin = _margin is null ? MiningSettings.PublishedMargin : parsed.GetValue(_margin),
            Memory = _memory.Bytes(parsed),
        };

    string[] Sensitive(ParseResult parsed)
    {
        string[] sensitive = _sensitive is null ? [] : parsed.GetValue(_sensitive) ?? [];
        return sensitive.Length > 0 || _margin is null || parsed.GetResult(_margin) is not { Implicit: false }
            ? sensitive
            : throw new BadInputException(
                "--margin is for the images of --sensitive, which names none; the benchmark has that of its locality "
                    + "images."
            );
    }

    string[] SideEffects(ParseResult parsed) => _sideEffects is null ? [] : parsed.GetValue(_sideEffects) ?? [];

    string[] Near(ParseResult parsed)
    {
        string[] near = _near is null ? [] : parsed.GetValue(_near) ?? [];
        return near.Length > 0 || SideEffects(parsed).Length > 0 || _accept is null || parsed.GetValue(_accept) is null
            ? near
            : throw new BadInputException(
                $"--accept says what the folders of --near{(_sideEffects is null ? "" : " and --side-effects")} mean, "
                    + "and none are named; the benchmark has its classes."
            );
    }

    /// <inheritdoc cref="ModelOptions.Arguments"/>
    public string ModelArguments(ParseResult parsed) => _model.Arguments(parsed);

    /// <summary>
    /// Says that a benchmark has nothing to edit, because its model gets everything right; gives the exit code.
    /// </summary>
    public static int SayEmpty(Terminal terminal)
    {
        const string nothing =
            "The benchmark is empty: the model got every image right when it was mined, so there is nothing to edit "
            + "and nothing was written.";
        if (terminal.Json)
            terminal.Note(nothing);
        terminal.Line(nothing);
        return App.Ok;
    }

    public ModelFile LoadModel(ParseResult parsed, Terminal terminal) => _model.Load(parsed, terminal);

    /// <inheritdoc cref="ModelOptions.LabelFile"/>
    public string? LabelFile(ParseResult parsed) => _model.LabelFile(parsed);
}
