using System.CommandLine;
using System.Globalization;
using TorchSharp;

namespace Retouch.Cli.Verbs;

/// <summary>A command with the options that all of them have.</summary>
abstract class Verb : Command
{
    protected Verb(string name, string description, bool reports)
        : base(name, description)
    {
        Json = new Option<bool>("--json") { Description = "Print one JSON object a line instead of text." };
        if (reports)
            Add(Json);
        Add(Threads);
        Add(Reading);
        Add(Verbose);
        Add(Quiet);
        Require<int>(Threads, threads => threads is >= 1 and <= 1024, "a whole number from 1 to 1024");
        Require<double>(Reading, times => times is >= 1 and <= 1000, "a number from 1 to 1000");
        SetAction((parsed, cancellation) => Task.FromResult(Execute(parsed, cancellation)));
    }

    public Option<bool> Verbose { get; } =
        new("--verbose") { Description = "Say more, and show where an error arose." };

    protected Option<int?> Threads { get; } =
        new("--threads") { Description = "Threads for matrix products; by default one a core.", HelpName = "N" };

    protected Option<double?> Reading { get; } =
        new("--reading-budget")
        {
            Description =
                "How many times the usual memory and time reading a file may take; the usual is enough but for files "
                + "that are made to be hostile, and some that only look so.",
            HelpName = "TIMES",
        };

    protected Option<bool> Quiet { get; } = new("--quiet") { Description = "Print results and errors only." };

    protected Option<bool> Json { get; }

    /// <summary>Whether the verb cannot run where libtorch does not load.</summary>
    protected virtual bool NeedsTorch => true;

    protected abstract int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation);

    /// <summary>
    /// Puts what must be given before what may be, and what all verbs have last: the order that help has.
    /// </summary>
    public void Arrange()
    {
        Option[] common = [Json, Threads, Reading, Verbose, Quiet];
        Option[] ordered =
        [
            .. Options.OrderBy(o =>
                common.Contains(o) ? 2
                : o.Required ? 0
                : 1
            ),
        ];
        Options.Clear();
        foreach (Option option in ordered)
            Add(option);
        foreach (Verb verb in Subcommands.OfType<Verb>())
            verb.Arrange();
    }

    /// <summary>Refuses what is no T or out of range while the command line is parsed, before any work.</summary>
    internal static void Require<T>(Option option, Func<T, bool> holds, string range)
        where T : IParsable<T> =>
        option.Validators.Add(result =>
        {
            if (
                result.Tokens is [{ Value: string text }]
                && !(T.TryParse(text, CultureInfo.InvariantCulture, out T? value) && holds(value))
            )
                result.AddError($"{option.Name} is {text}, but must be {range}");
        });

    // libtorch takes one for each core of the machine, of which a container may have been given fewer.
    static void SetTorchThreads(int? asked)
    {
        int most = Environment.ProcessorCount;
        if (asked is int wanted)
            torch.set_num_threads(wanted);
        else if (torch.get_num_threads() > most)
            torch.set_num_threads(most);
    }

    int Execute(ParseResult parsed, CancellationToken cancellation)
    {
        Terminal terminal = new(
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error,
            parsed.GetValue(Json),
            parsed.GetValue(Quiet),
            parsed.GetValue(Verbose)
        )
        {
            Cancellation = cancellation,
        };
        OutputGuard.Check(parsed);
        if (NeedsTorch)
            SetTorchThreads(parsed.GetValue(Threads));
        (double times, int threads) = (ReadingBudget.Times, ReadingBudget.Threads);
        try
        {
            ReadingBudget.Times = parsed.GetValue(Reading) ?? times;
            ReadingBudget.Threads = parsed.GetValue(Threads) ?? threads;
            return Run(parsed, terminal, cancellation);
        }
        finally
        {
            (ReadingBudget.Times, ReadingBudget.Threads) = (times, threads);
        }
    }
}
