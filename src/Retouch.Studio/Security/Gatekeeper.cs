using System.Net;
using Microsoft.AspNetCore.Http;

namespace Retouch.Studio.Security;

/// <summary>
/// Lets in who shows the token, from this machine's own pages alone, and says to browsers what pages may load: nothing
/// from elsewhere.
/// </summary>
/// <param name="next">What comes after it.</param>
/// <param name="token">The secret.</param>
/// <param name="hosts">The names by which the studio may be asked, each with its port; empty for any.</param>
sealed class Gatekeeper(RequestDelegate next, AccessToken token, Func<IReadOnlySet<string>> hosts)
{
    // Style attributes are what a virtual list measures its room by; scripts and style sheets are the studio's own.
    const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: "
        + "blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    public Task Invoke(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.XFrameOptions = "DENY";
        headers.CacheControl = "no-store";

        HttpRequest request = context.Request;
        // Another site's name that leads to this machine is another host.
        if (hosts() is { Count: > 0 } known && !known.Contains(request.Host.Value ?? ""))
            return Refuse(context, StatusCodes.Status421MisdirectedRequest, "This studio goes by another name.");
        if (!IsOwn(request))
            return Refuse(context, StatusCodes.Status403Forbidden, "Another site may not ask this studio.");
        if (token.Is(request.Query["token"]))
        {
            context.Response.Cookies.Append(
                AccessToken.Cookie,
                token.Text,
                new CookieOptions
                {
                    HttpOnly = true,
                    SameSite = SameSiteMode.Strict,
                    Path = "/",
                    IsEssential = true,
                }
            );
            // Always here: a path may look like another host's.
            context.Response.Redirect("/");
            return Task.CompletedTask;
        }
        return token.Is(request.Cookies[AccessToken.Cookie])
            ? next(context)
            : Refuse(
                context,
                StatusCodes.Status401Unauthorized,
                "Open the studio by the whole address that the command printed: it ends with the token, which is "
                    + "another at each start."
            );
    }

    // A browser names the page that asks: always for a socket, and for all that changes something.
    static bool IsOwn(HttpRequest request)
    {
        string? origin = request.Headers.Origin;
        bool needs =
            request.Headers.Upgrade.Count > 0
            || !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method));
        if (string.IsNullOrEmpty(origin))
            return !needs;
        return origin == $"{request.Scheme}://{request.Host.Value}";
    }

    static Task Refuse(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(why);
    }

    /// <summary>The names of an address and port.</summary>
    public static IReadOnlySet<string> Names(IPAddress address, int port) =>
        IPAddress.IsLoopback(address)
            ? new HashSet<string>(StringComparer.OrdinalIgnoreCase)
            {
                $"127.0.0.1:{port}",
                $"localhost:{port}",
                $"[::1]:{port}",
            }
            : new HashSet<string>();
}
