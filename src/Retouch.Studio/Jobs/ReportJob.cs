using System.Text;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Asks the model again about every image that the ledger promises, and writes the report with it.</summary>
/// <param name="world">The model and the images.</param>
sealed class ReportJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "report";

    public string Name => Kind;

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string page = Path.Combine(folder, "ledger.html");
        Ledger ledger = world.RequireLedger();
        string text = events.Progress(
            "asking the model again",
            1,
            report =>
            {
                report(0, null);
                string html = Html(world, ledger, ask: true, cancellation);
                report(1, null);
                return html;
            }
        );
        AtomicFile.Write(page, overwrite: true, s => s.Write(Encoding.UTF8.GetBytes(text)));
        return ($"as of entry {ledger.State.Number}, asked again", page);
    }

    /// <summary>The report of the present state as a page.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="ledger">The ledger.</param>
    /// <param name="ask">Whether the model is built and asked again about what is promised.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="BadInputException">A patch is missing, or another now.</exception>
    public static string Html(StudioWorld world, Ledger ledger, bool ask, CancellationToken cancellation) =>
        LedgerReporting
            .Of(
                ledger,
                ledger.State,
                ask ? world.Options.Model : null,
                ask ? world.Labels : null,
                world.Options.Images,
                entry => LedgerCommands.Back(ledger, entry),
                LedgerCommands.Build(ledger, ledger.State),
                DateTimeOffset.UtcNow,
                cancellation
            )
            .ToHtml();
}
