using Microsoft.AspNetCore.Http;

namespace Retouch.Studio;

/// <summary>
/// A report, which has its styles and scripts within it, as a page that can reach nothing of the studio.
/// </summary>
static class ReportPage
{
    // Without an origin of its own it gets neither the cookie nor any other page.
    const string Policy =
        "sandbox allow-scripts allow-modals; default-src 'none'; style-src 'unsafe-inline'; "
        + "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Sends it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="html">The report.</param>
    public static IResult Of(HttpContext context, string html)
    {
        context.Response.Headers.ContentSecurityPolicy = Policy;
        return Results.Text(html, "text/html; charset=utf-8");
    }
}
