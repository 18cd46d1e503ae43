using System.CommandLine;
using System.Text;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Reports;
using Retouch.Studio;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger report</c>: a ledger for people who sign.</summary>
sealed class LedgerReportVerb : Verb
{
    readonly LedgerOptions _ledger;
    readonly ModelOptions _model;
    readonly LedgerStateOptions _state;
    readonly Option<string[]> _images = new("--images")
    {
        Description = "Folders to look for the promised images in, whatever they are called there.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<bool> _markdown = new("--markdown")
    {
        Description = "Write the section \"Edits\" of a model card, as Markdown, instead of the page.",
    };
    readonly Option<string?> _out = new("--out")
    {
        Description = "The file to write; by default it is printed.",
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };

    public LedgerReportVerb()
        : base(
            "report",
            "Write one page, made to be printed: what changed, why, on what evidence, what else changed, against which "
                + "criteria, and how to take it back.",
            reports: false
        )
    {
        _ledger = new LedgerOptions(this, writes: false);
        _model = new ModelOptions(
            this,
            required: false,
            description: "The unedited model: the report's state is built and its images are asked again."
        );
        _state = new LedgerStateOptions(this);
        foreach (Option option in (Option[])[_images, _markdown, _out, _overwrite])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        bool markdown = parsed.GetValue(_markdown);
        string? output = parsed.GetValue(_out);
        bool overwrite = parsed.GetValue(_overwrite);
        if (output is not null)
        {
            if (markdown)
                OutputName.Require(output, "a text", ".md", ".txt");
            else
                OutputName.Require(output, "a web page", ".html", ".htm");
            AtomicFile.CheckWritable(output, overwrite);
        }
        Ledger ledger = _ledger.Open(parsed);
        LedgerState state = _state.Of(parsed, ledger);
        using ModelFile? file = _model.Name(parsed) is null ? null : _model.Load(parsed, terminal);
        LedgerReport report = LedgerReporting.Of(
            ledger,
            state,
            file,
            file is null ? null : _model.Labels(parsed, file),
            parsed.GetValue(_images) ?? [],
            entry => LedgerCommands.Back(ledger, entry),
            LedgerCommands.Build(ledger, state),
            DateTimeOffset.UtcNow,
            cancellation
        );
        string text = markdown ? report.ToMarkdown() : report.ToHtml();
        if (output is null)
            parsed.InvocationConfiguration.Output.Write(text);
        else
        {
            AtomicFile.Write(output, overwrite, s => s.Write(Encoding.UTF8.GetBytes(text)));
            terminal.Line($"{output}: {ledger.Path} as of entry {state.Number}");
        }
        return App.Ok;
    }
}
