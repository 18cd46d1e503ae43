using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Retouch.Formats;
using Retouch.Studio.Components;
using Retouch.Studio.Editing;
using Retouch.Studio.Jobs;
using Retouch.Studio.Security;
using Retouch.Studio.World;

namespace Retouch.Studio;

/// <summary>
/// The studio's pages, served to this machine: a model's mistakes, what mends them, and what that costs. Owns what it
/// opened.
/// </summary>
public sealed class StudioServer : IAsyncDisposable
{
    // The longer side of a picture in a grid, and of one that is looked at.
    const int Small = 128;
    const int Large = 512;

    readonly WebApplication _app;
    readonly StudioWorld _world;
    readonly WriterLock _writer;
    bool _disposed;

    StudioServer(WebApplication app, StudioWorld world, WriterLock writer, AccessToken token, Uri address) =>
        (_app, _world, _writer, Token, Address) = (app, world, writer, token, address);

    /// <summary>The secret that the address ends with.</summary>
    public AccessToken Token { get; }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The address to open, with the token.</summary>
    public Uri Entry => new(Address, $"/?token={Token.Text}");

    /// <summary>The model and the images.</summary>
    public StudioWorld World => _world;

    /// <summary>The images that are selected.</summary>
    public Selection Selection => _app.Services.GetRequiredService<Selection>();

    /// <summary>What is done while the pages go on.</summary>
    public JobRunner Jobs => _app.Services.GetRequiredService<JobRunner>();

    /// <summary>Starts a studio; the caller disposes it. It reads the images in the background.</summary>
    /// <param name="options">What it opens, and where it listens.</param>
    /// <param name="cancellation">Stops the start.</param>
    /// <exception cref="BadInputException">
    /// A folder cannot be read, the port is taken, or another studio has the same folder of what is kept.
    /// </exception>
    public static async Task<StudioServer> StartAsync(StudioOptions options, CancellationToken cancellation = default)
    {
        StudioWorld world = new(options);
        Directory.CreateDirectory(world.Options.WorkFolder);
        WriterLock writer = WriterLock.Take(world.Options.WorkFolder, "serve");
        try
        {
            // The address of a page that is open stays the same, as far as the port is free.
            if (options.Port == 0 && RememberedPort.Read(world.Options.WorkFolder) is int port)
            {
                try
                {
                    return await StartAsync(world, writer, port, cancellation).ConfigureAwait(false);
                }
                catch (BadInputException) { }
            }
            return await StartAsync(world, writer, options.Port, cancellation).ConfigureAwait(false);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    static async Task<StudioServer> StartAsync(
        StudioWorld world,
        WriterLock writer,
        int wanted,
        CancellationToken cancellation
    )
    {
        StudioOptions options = world.Options;
        AccessToken token = new();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(k =>
            {
                k.AddServerHeader = false;
                k.Limits.MaxRequestBodySize = 1 << 20;
                k.Listen(options.Address, wanted);
            });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddRoutingCore();
        builder.Services.AddAntiforgery();
        builder
            .Services.AddRazorComponents()
            .AddInteractiveServerComponents(o =>
            {
                o.DisconnectedCircuitRetentionPeriod = TimeSpan.FromHours(12);
                o.DisconnectedCircuitMaxRetained = 16;
            });
        // What a page sends at once: an uploaded image comes in parts.
        builder.Services.AddSignalR(o => o.MaximumReceiveMessageSize = 256 << 10);
        builder.Services.AddSingleton(world);
        builder.Services.AddSingleton(token);
        builder.Services.AddSingleton<Bench>();
        builder.Services.AddSingleton<Selection>();
        builder.Services.AddSingleton<FeatureMap>();
        builder.Services.AddSingleton<UnsureSlices>();
        builder.Services.AddSingleton<LedgerEffects>();
        builder.Services.AddSingleton<JobRunner>();
        builder.Services.AddSingleton(_ => new Pictures(options.Model.Preprocessing.Orientation));

        WebApplication app = builder.Build();
        HashSet<string> names = [];
        app.UseMiddleware<Gatekeeper>(token, (Func<IReadOnlySet<string>>)(() => names));
        app.UseWebSockets();
        app.UseRouting();
        app.UseAntiforgery();
        Map(app);
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null);
        try
        {
            await app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new BadInputException(
                $"The studio cannot listen on port {wanted}: {e.Message} Name another with --port."
            );
        }
        string bound = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.First();
        int port = new Uri(bound.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)).Port;
        foreach (string name in Gatekeeper.Names(options.Address, port))
            names.Add(name);
        string host = IPAddress.IsLoopback(options.Address) ? "127.0.0.1" : options.Address.ToString();
        RememberedPort.Write(options.WorkFolder, port);
        world.Open();
        app.Services.GetRequiredService<JobRunner>().Start();
        return new StudioServer(app, world, writer, token, new Uri($"http://{host}:{port}"));
    }

    /// <summary>Stops it, and everything that it does.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await _app.Services.GetRequiredService<JobRunner>().StopAsync().ConfigureAwait(false);
        using CancellationTokenSource soon = new(TimeSpan.FromSeconds(2));
        await _app.StopAsync(soon.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _world.Dispose();
        _writer.Dispose();
    }

    // Pages name images by their numbers: no request has a path in it.
    static void Map(WebApplication app)
    {
        app.MapGet("/assets/{name}", (string name) => Asset(name));
        app.MapGet("/_framework/blazor.web.js", () => Asset("blazor.web.js"));
        app.MapGet(
            "/thumb/{id:int}",
            (int id, StudioWorld world, Pictures pictures) => Image(world, pictures, id, Small)
        );
        app.MapGet(
            "/picture/{id:int}",
            (int id, StudioWorld world, Pictures pictures) => Image(world, pictures, id, Large)
        );
        app.MapGet(
            "/ordinary/{id:int}",
            (int id, StudioWorld world, Pictures pictures) => Ordinary(world, pictures, id, Small)
        );
        app.MapGet(
            "/ordinary-picture/{id:int}",
            (int id, StudioWorld world, Pictures pictures) => Ordinary(world, pictures, id, Large)
        );
        app.MapGet("/map.bin", (FeatureMap map) => Results.Bytes(map.Bytes(), "application/octet-stream"));
        LedgerDownloads.Map(app);
        JobDownloads.Map(app);
    }

    static Task<IResult> Image(StudioWorld world, Pictures pictures, int id, int side) =>
        Jpeg(pictures, id >= 0 && id < world.Images.Count ? world.Images[id].Path : null, side);

    static Task<IResult> Ordinary(StudioWorld world, Pictures pictures, int id, int side) =>
        Jpeg(pictures, id >= 0 && id < world.LocalityImages.Count ? world.LocalityImages[id].Path : null, side);

    static async Task<IResult> Jpeg(Pictures pictures, string? path, int side)
    {
        if (path is null)
            return Results.NotFound();
        try
        {
            return new Cached(Results.Bytes(await pictures.JpegAsync(path, side).ConfigureAwait(false), "image/jpeg"));
        }
        catch (BadInputException)
        {
            return Results.NotFound();
        }
    }

    static IResult Asset(string name)
    {
        string? type = Path.GetExtension(name) switch
        {
            ".css" => "text/css",
            ".js" => "text/javascript",
            ".svg" => "image/svg+xml",
            _ => null,
        };
        return
            type is not null
            && typeof(StudioServer).Assembly.GetManifestResourceStream($"Assets/{name}") is Stream asset
            ? Results.Stream(asset, type)
            : Results.NotFound();
    }

    sealed class Cached(IResult inner) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers.CacheControl = "private, max-age=3600";
            return inner.ExecuteAsync(httpContext);
        }
    }
}
