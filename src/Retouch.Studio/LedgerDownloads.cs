using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Retouch.Patches;
using Retouch.Studio.Jobs;
using Retouch.Studio.World;

namespace Retouch.Studio;

/// <summary>What the ledger's page gives away: its report, and patches, by the number of their entry.</summary>
static class LedgerDownloads
{
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet(
            "/ledger/report",
            (StudioWorld world, HttpContext context) =>
            {
                try
                {
                    return ReportPage.Of(
                        context,
                        ReportJob.Html(world, world.RequireLedger(), ask: false, context.RequestAborted)
                    );
                }
                catch (BadInputException)
                {
                    return Results.NotFound();
                }
            }
        );
        app.MapGet(
            "/ledger/{number:int}.patch",
            (int number, StudioWorld world) =>
            {
                if (world.Options.Ledger is not string path || !File.Exists(path))
                    return Results.NotFound();
                try
                {
                    Ledger ledger = Ledger.Open(path);
                    return number >= 0 && number < ledger.Entries.Count && ledger.Entries[number].Patch is { } patch
                        ? Results.File(
                            ledger.PathOf(patch),
                            "application/octet-stream",
                            Path.GetFileName(ledger.PathOf(patch))
                        )
                        : Results.NotFound();
                }
                catch (BadInputException)
                {
                    return Results.NotFound();
                }
            }
        );
    }
}
