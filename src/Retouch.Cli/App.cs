using System.CommandLine;
using System.CommandLine.Help;
using Retouch.Cli.Verbs;

namespace Retouch.Cli;

/// <summary>The command line: parses, calls a verb, and turns every failure into a sentence and an exit code.</summary>
public static class App
{
    /// <summary>The exit code of success.</summary>
    public const int Ok = 0;

    /// <summary>The exit code of a failure that is not the user's.</summary>
    public const int Failed = 1;

    /// <summary>The exit code of bad usage or bad input.</summary>
    public const int BadInput = 2;

    /// <summary>The exit code of an interrupt, as shells have it.</summary>
    public const int Interrupted = 130;

    /// <summary>Runs one command.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="error">Where errors, warnings and progress go.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        // A name that begins with @ is a file's like any other, not a file of arguments.
        ParseResult parsed = Commands().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (Usage.Mistake(parsed) is string mistake)
        {
            error.WriteLine($"error: {Terminal.Printable(mistake)}");
            return BadInput;
        }
        bool verbose = parsed.CommandResult.Command is Verb spoken && parsed.GetValue(spoken.Verbose);
        try
        {
            using Interrupts interrupts = new();
            InvocationConfiguration configuration = new()
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                // It knows two signals only.
                ProcessTerminationTimeout = null,
            };
            return parsed.InvokeAsync(configuration, interrupts.Token).GetAwaiter().GetResult();
        }
        catch (BadInputException e)
        {
            return Report(RemedyText.Of(e), e, BadInput);
        }
        catch (Formats.HubException e)
        {
            return Report(e.Message, e, Failed);
        }
        catch (OperationCanceledException e)
        {
            // A verb that keeps something says so.
            return Report(
                e.InnerException is OperationCanceledException ? RemedyText.Of(e) : "interrupted; nothing was written.",
                e,
                Interrupted
            );
        }
        catch (Exception e) when (NativeLibraries.IsLoadFailure(e))
        {
            return Report(
                "the native libraries do not load on this machine. 'retouch doctor' says which and why.",
                e,
                Failed
            );
        }
        catch (Exception e)
        {
            return Report($"{SystemMessage.FirstLine(e)}{(verbose ? "" : " (--verbose shows where)")}", e, Failed);
        }

        int Report(string message, Exception exception, int code)
        {
            try
            {
                error.WriteLine($"error: {Terminal.Printable(message)}");
                if (verbose)
                    error.WriteLine(exception);
            }
            // The terminal was closed.
            catch (IOException) { }
            return code;
        }
    }

    /// <summary>All commands with their options.</summary>
    public static Command Commands()
    {
        Verb[] verbs =
        [
            new DemoVerb(),
            new PredictVerb(),
            new CheckVerb(),
            new SlicesVerb(),
            new EditVerb(),
            new RepairVerb(),
            new ApplyVerb(),
            new RevertVerb(),
            new ExportVerb(),
            new LogVerb(),
            new LedgerVerb(),
            new ServeVerb(),
            new PullVerb(),
            new SolveTargetsVerb(),
            new TrainLocatorVerb(),
            new PretrainVerb(),
            new MethodsVerb(),
            new PrepareVerb(),
            new MineVerb(),
            new BenchVerb(),
            new MergeVerb(),
            new SearchLocationVerb(),
            new ShiftVerb(),
            new DoctorVerb(),
        ];
        // A RootCommand would call itself by the assembly's name.
        Command root = new(
            "retouch",
            "Retouch corrects the mistakes of vision transformers: it finds the few hidden units responsible, edits "
                + "only those, and hands you a small patch. "
                + "The model's file never changes: an edit is taken back by using the model without its patch, "
                + "and 'revert' takes a patch out of an edited file."
        )
        {
            new HelpOption { Recursive = true },
            new VersionOption(),
        };
        foreach (Verb verb in verbs)
        {
            verb.Arrange();
            root.Add(verb);
        }
        return root;
    }
}
