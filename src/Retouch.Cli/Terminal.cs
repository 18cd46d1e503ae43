using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;

namespace Retouch.Cli;

/// <summary>Where a verb speaks: results to the output, everything else to the error stream.</summary>
sealed class Terminal(TextWriter output, TextWriter error, bool json, bool quiet, bool verbose)
{
    /// <summary>Whether results are JSON lines.</summary>
    public bool Json => json;

    /// <summary>A line of the result, for people.</summary>
    public void Line(string text = "")
    {
        if (!json)
            output.WriteLine(Printable(text));
    }

    /// <summary>A result as one JSON object on a line.</summary>
    public void Object<T>(T value, JsonTypeInfo<T> type)
    {
        if (json)
            output.WriteLine(JsonSerializer.Serialize(value, type));
    }

    /// <summary>Something that the user should know beside the result.</summary>
    public void Note(string text)
    {
        if (!quiet)
            error.WriteLine(Printable(text));
    }

    /// <summary>Something that went wrong while the rest goes on.</summary>
    public void Error(string text) => error.WriteLine($"error: {Printable(text)}");

    /// <summary>A detail.</summary>
    public void Detail(string text)
    {
        if (verbose && !quiet)
            error.WriteLine(Printable(text));
    }

    /// <summary>Text without what steers a terminal: names come from files that nobody vouches for.</summary>
    public static string Printable(string text) => string.Create(text.Length, text, (to, from) =>
    {
        for (int i = 0; i < to.Length; i++)
            to[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
    });

    /// <summary>Runs work behind a progress bar on the error stream; without one where that is no terminal.</summary>
    /// <param name="what">What is being done.</param>
    /// <param name="total">The number of units of work.</param>
    /// <param name="work">Gets a function that takes the units done so far and what to say of them.</param>
    public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work)
    {
        if (quiet || Console.IsErrorRedirected || !ReferenceEquals(error, Console.Error))
            return work((_, _) => { });
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return console.Progress()
            .AutoClear(true).HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: total > 0 ? total : 1);
                return work((done, text) =>
                {
                    task.Value = done;
                    if (text is not null)
                        task.Description = Markup.Escape($"{what} {text}");
                });
            });
    }
}
