using System.CommandLine;
using Retouch.Benchmarks;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says which part of its work a command does.</summary>
sealed class ShardOption
{
    const string Auto = "auto";

    readonly Option<string> _shard;

    /// <summary>Adds the option to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="what">What it does in part, such as <c>Run</c>, and what puts the parts together.</param>
    public ShardOption(Command command, string what)
    {
        _shard = new("--shard")
        {
            Description =
                $"{what} I is from 0 to N-1; 'auto' takes both from the array of Slurm, Kubernetes, Grid Engine or LSF "
                + "that this is a task of.",
            DefaultValueFactory = _ => "0/1",
            HelpName = "I/N|auto",
        };
        Verb.Require<string>(
            _shard,
            text => text == Auto || Shard.TryParse(text, out _),
            "I/N with I from 0 to N-1, as 0/4, or auto"
        );
        command.Add(_shard);
    }

    /// <summary>The part that is asked for; all of it where none is.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="terminal">Told whose part it is.</param>
    /// <param name="whole">The file that the parts make, beside which they lie; null for none.</param>
    /// <exception cref="BadInputException">
    /// It is to be taken from an array that this is no task of, or that has another number of tasks than there are
    /// parts.
    /// </exception>
    public Shard Of(ParseResult parsed, Terminal terminal, string? whole)
    {
        string text = parsed.GetRequiredValue(_shard);
        if (text != Auto)
            return Shard.TryParse(text, out Shard part) ? part : Shard.Whole;
        ArrayTask task = ArrayTask.Of(Environment.GetEnvironmentVariable);
        if (whole is not null)
            task.RequireAlone(whole);
        terminal.Note($"shard {task.Shard}: by {task.Variable} of {task.Scheduler}");
        if (task.Shard.Count == 1)
            terminal.Note(
                "shard 0/1: the array has this task alone, so this is all of the work; a task of a larger array that "
                    + "is submitted again takes --shard I/N"
            );
        return task.Shard;
    }
}
