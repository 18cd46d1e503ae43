using System.CommandLine;
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
    readonly MemoryOption _memory;

    public BenchmarkOptions(Command command, bool withLocality = true, bool withLabels = false)
    {
        _model = new ModelOptions(command, withLabels);
        command.Add(_benchmark);
        command.Add(_images);
        if (withLocality)
            command.Add(
                _locality = new("--locality") { Description = "The folder of its locality images.", HelpName = "DIR" }
            );
        _memory = new MemoryOption(command);
    }

    /// <summary>The benchmark, and where its images are.</summary>
    public BenchmarkSource Source(ParseResult parsed) =>
        new()
        {
            File = parsed.GetRequiredValue(_benchmark),
            Images = parsed.GetRequiredValue(_images),
            Locality = _locality is null ? null : parsed.GetValue(_locality),
            Memory = _memory.Bytes(parsed),
        };

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
