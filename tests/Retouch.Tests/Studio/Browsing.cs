using Microsoft.Playwright;

namespace Retouch.Tests.Studio;

/// <summary>A browser of this machine, headless. Owns it.</summary>
sealed class Browsing : IAsyncDisposable
{
    static readonly string[] s_places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    readonly IPlaywright _playwright;
    readonly IBrowser _browser;

    Browsing(IPlaywright playwright, IBrowser browser) => (_playwright, _browser) = (playwright, browser);

    /// <summary>Starts it; the test is skipped where there is none.</summary>
    public static async Task<Browsing> StartAsync()
    {
        string? chromium = s_places.FirstOrDefault(File.Exists);
        if (chromium is null)
            Assert.Skip("needs Chromium, which is not installed here");
        // The machine that tests this may be busy.
        Assertions.SetDefaultExpectTimeout(60_000);
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = chromium,
                Args =
                [
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            }
        );
        return new Browsing(playwright, browser);
    }

    /// <summary>A page that fails the test where a script does.</summary>
    public async Task<IPage> PageAsync(
        List<string> complaints,
        int width = 1400,
        ColorScheme scheme = ColorScheme.Light
    )
    {
        IBrowserContext context = await _browser.NewContextAsync(
            new()
            {
                ViewportSize = new() { Width = width, Height = 900 },
                ColorScheme = scheme,
            }
        );
        return await PageAsync(context, complaints);
    }

    /// <summary>Another tab of the same browser.</summary>
    public static async Task<IPage> PageAsync(IBrowserContext context, List<string> complaints)
    {
        IPage page = await context.NewPageAsync();
        page.SetDefaultTimeout(90_000);
        page.PageError += (_, e) => complaints.Add(e);
        page.Console += (_, m) =>
        {
            if (m.Type == "error")
                complaints.Add(m.Text);
        };
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
