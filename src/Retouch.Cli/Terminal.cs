using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Retouch.UseCases;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Retouch.Cli;

/// <summary>Where a verb speaks: results to the output, everything else to the error stream.</summary>
sealed class Terminal(TextWriter output, TextWriter error, bool json, bool quiet, bool verbose) : IUseCaseEvents
{
    static readonly TimeSpan DrawnEvery = TimeSpan.FromSeconds(0.25);
    static readonly TimeSpan SpokenEvery = TimeSpan.FromSeconds(30);

    readonly List<string> _warnings = [];

    /// <summary>Stops what the verb does.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Whether results are JSON lines.</summary>
    public bool Json => json;

    /// <summary>A line of the result, for people.</summary>
    public void Line(string text = "")
    {
        if (!json)
            output.WriteLine(Printable(text));
    }

    /// <summary>A result as one JSON object on a line; the first since warnings arose has them, too.</summary>
    public void Object<T>(T value, JsonTypeInfo<T> type)
    {
        if (!json)
            return;
        string line = JsonSerializer.Serialize(value, type);
        if (_warnings.Count > 0 && JsonNode.Parse(line) is JsonObject whole)
        {
            JsonArray warnings = whole["warnings"] as JsonArray ?? [];
            foreach (string warning in _warnings)
                warnings.Add((JsonNode)JsonValue.Create(warning));
            whole["warnings"] = warnings;
            _warnings.Clear();
            line = whole.ToJsonString();
        }
        output.WriteLine(line);
    }

    /// <summary>Something that the user should know beside the result.</summary>
    public void Note(string text)
    {
        if (!quiet)
            Say(Printable(text));
    }

    // Of a use case's warnings JSON objects have what their own fields say.
    void IUseCaseEvents.Note(string text, Remedy remedy) => Note(RemedyText.Note(text, remedy));

    void IUseCaseEvents.Warn(string text) => Note($"warning: {text}");

    void IUseCaseEvents.Warn(string text, Remedy remedy) => Note($"warning: {RemedyText.Note(text, remedy)}");

    void IUseCaseEvents.Warn(string what, Problem problem) => Note($"warning: {what}, {RemedyText.Of(problem)}");

    /// <summary>What was left out or passed over, a line each.</summary>
    public void Warnings(IEnumerable<string> reasons)
    {
        foreach (string reason in reasons)
            Note($"warning: {reason}");
    }

    /// <summary>
    /// What may make the result another than a user thinks: a note, and part of the next JSON object.
    /// </summary>
    /// <param name="text">What it is.</param>
    /// <param name="kind">The word before it among the notes.</param>
    public void Warn(string text, string kind = "warning")
    {
        Note($"{kind}: {text}");
        _warnings.Add(text);
    }

    /// <summary>Something that went wrong while the rest goes on.</summary>
    public void Error(string text) => Say($"error: {Printable(text)}");

    /// <summary>A detail.</summary>
    public void Detail(string text)
    {
        if (verbose && !quiet)
            Say(Printable(text));
    }

    /// <summary>Text without what steers a terminal: names come from files that nobody vouches for.</summary>
    public static string Printable(string text) =>
        string.Create(
            text.Length,
            text,
            (to, from) =>
            {
                for (int i = 0; i < to.Length; i++)
                    to[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
            }
        );

    /// <summary>
    /// Runs work behind a progress bar on the error stream; where that is no terminal, a line says now and then how far
    /// it is, how fast, and how long the rest takes.
    /// </summary>
    /// <param name="what">What is being done.</param>
    /// <param name="total">The number of units of work.</param>
    /// <param name="work">Gets a function that takes the units done so far and what to say of them.</param>
    public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work)
    {
        if (quiet)
            return work((_, _) => { });
        if (Console.IsErrorRedirected || !ReferenceEquals(error, Console.Error))
            return work(Spoken(what, total));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return console
            .Progress()
            // A refresh of its own thread could set off a garbage collection in the midst of a native call.
            .AutoRefresh(false)
            .AutoClear(true)
            .HideCompleted(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RateColumn(),
                new RemainingTimeColumn()
            )
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: total > 0 ? total : 1);
                context.Refresh();
                Stopwatch since = Stopwatch.StartNew();
                return work(
                    (done, text) =>
                    {
                        if (since.Elapsed < DrawnEvery && done < total)
                            return;
                        since.Restart();
                        task.Value = done;
                        if (text is not null)
                            task.Description = Markup.Escape($"{what} {text}");
                        Draw(context.Refresh);
                    }
                );
            });
    }

    Action<double, string?> Spoken(string what, double total)
    {
        Stopwatch since = Stopwatch.StartNew();
        // What was done before, as a run that goes on tells first, says nothing of how fast this one is.
        (double Done, long Time)? start = null;
        return (done, _) =>
        {
            start ??= (done, Stopwatch.GetTimestamp());
            if (since.Elapsed < SpokenEvery || total <= 1)
                return;
            since.Restart();
            double rate = (done - start.Value.Done) / Stopwatch.GetElapsedTime(start.Value.Time).TotalSeconds;
            TimeSpan rest = TimeSpan.FromSeconds(rate > 0 ? (total - done) / rate : 0);
            string left = rate > 0 ? $", {(int)rest.TotalHours}:{rest.Minutes:00}:{rest.Seconds:00} left" : "";
            Note(string.Create(CultureInfo.InvariantCulture, $"{what}: {done:0} of {total:0}, {rate:0.#}/s{left}"));
        };
    }

    /// <summary>Runs what says itself what it keeps where it is interrupted, as an error.</summary>
    /// <param name="work">Gives the exit code.</param>
    public int Interruptible(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (OperationCanceledException e) when (e.InnerException is OperationCanceledException)
        {
            Error(RemedyText.Of(e));
            return App.Interrupted;
        }
    }

    /// <summary>
    /// Runs long work behind a table of its numbers on the error stream; where that is no terminal, they come
    /// as a line now and then.
    /// </summary>
    /// <param name="work">Gets a function that takes what to show.</param>
    public T Live<T>(Func<Action<LiveView>, T> work)
    {
        if (quiet)
            return work(_ => { });
        Stopwatch since = Stopwatch.StartNew();
        if (Console.IsErrorRedirected || !ReferenceEquals(error, Console.Error))
        {
            return work(view =>
            {
                if (since.Elapsed < SpokenEvery)
                    return;
                since.Restart();
                Note($"{view.Title}: {string.Join(", ", view.Rows.Select(r => $"{r.Name} {r.Value}"))}");
            });
        }
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return console
            .Live(new Text(""))
            .AutoClear(true)
            .Start(context =>
                work(view =>
                {
                    if (since.Elapsed < DrawnEvery && view.Done < view.Total)
                        return;
                    since.Restart();
                    Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
                    foreach ((string name, string value) in view.Rows)
                        grid.AddRow(new Text(name, Color.Grey), new Text(value));
                    BreakdownChart bar = new BreakdownChart()
                        .HideTags()
                        .Width(60)
                        .AddItem("done", view.Done, Color.Green)
                        .AddItem("left", Math.Max(view.Total - view.Done, 0), Color.Grey23);
                    Draw(() => context.UpdateTarget(new Rows(new Text(view.Title), bar, grid)));
                })
            );
    }

    void Say(string text) => Draw(() => error.WriteLine(text));

    // A terminal that was closed takes nothing any more; the work ends as after any interrupt, with what it keeps.
    static void Draw(Action draw)
    {
        try
        {
            draw();
        }
        catch (IOException) { }
    }

    /// <summary>How many units are done a second, where there are several.</summary>
    sealed class RateColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(
                task is { Speed: double rate, MaxValue: > 1 }
                    ? string.Create(CultureInfo.InvariantCulture, $"{rate:0.#}/s")
                    : ""
            );
    }
}
