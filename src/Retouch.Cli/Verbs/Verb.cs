using System.CommandLine;
using TorchSharp;

namespace Retouch.Cli.Verbs;

/// <summary>A command with the options that all of them have.</summary>
abstract class Verb : Command
{
    readonly Option<int?> _threads = new("--threads") { Description = "Threads for matrix products; by default one a core.", HelpName = "N" };

    protected Verb(string name, string description, bool reports) : base(name, description)
    {
        Json = new Option<bool>("--json") { Description = "Print one JSON object a line instead of text." };
        if (reports)
            Add(Json);
        Add(_threads);
        Add(Verbose);
        Add(Quiet);
        _threads.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out int threads) && threads is < 1 or > 1024)
                result.AddError($"--threads is {threads}; it must be from 1 to 1024.");
        });
        SetAction((parsed, cancellation) => Task.FromResult(Execute(parsed, cancellation)));
    }

    public Option<bool> Verbose { get; } = new("--verbose") { Description = "Say more, and show where an error arose." };

    protected Option<bool> Quiet { get; } = new("--quiet") { Description = "Print results and errors only." };

    protected Option<bool> Json { get; }

    protected abstract int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation);

    int Execute(ParseResult parsed, CancellationToken cancellation)
    {
        Terminal terminal = new(parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, parsed.GetValue(Json), parsed.GetValue(Quiet), parsed.GetValue(Verbose));
        if (parsed.GetValue(_threads) is int threads)
            torch.set_num_threads(threads);
        return Run(parsed, terminal, cancellation);
    }
}
