using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Retouch.Studio.Jobs;

namespace Retouch.Studio;

/// <summary>What jobs wrote, by their numbers: to be kept, or, where it is a page, to be looked at.</summary>
static class JobDownloads
{
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet(
            "/jobs/{id:int}/file",
            (int id, JobRunner jobs) =>
                Output(jobs, id) is string file
                    ? Results.File(file, "application/octet-stream", Path.GetFileName(file))
                    : Results.NotFound()
        );
        app.MapGet(
            "/jobs/{id:int}/page",
            (int id, JobRunner jobs, HttpContext context) =>
                Output(jobs, id) is string file && IsPage(file)
                    ? ReportPage.Of(context, File.ReadAllText(file))
                    : Results.NotFound()
        );
    }

    /// <summary>Whether a browser can show it.</summary>
    public static bool IsPage(string file) => Path.GetExtension(file) == ".html";

    // The list of jobs is a file, too: what lies elsewhere is no job's.
    static string? Output(JobRunner jobs, int id) =>
        jobs.Jobs.FirstOrDefault(j => j.Record.Id == id)?.Record is { State: JobState.Done, Output: string output }
        && Path.GetFullPath(output).StartsWith(jobs.Folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        && File.Exists(output)
            ? Path.GetFullPath(output)
            : null;
}
