using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Retouch.Tests.Studio;

/// <summary>What a studio costs a browser: how long pages take, and how long frames.</summary>
/// <param name="page">A page that is in.</param>
/// <param name="address">Where the studio is.</param>
sealed class StudioFigures(IPage page, Uri address)
{
    // Counts frames from now on, and the longest pause between two of them.
    const string WatchFrames = """
        () => {
          const seen = { frames: 0, longest: 0, over: 0, on: true };
          let last = performance.now();
          const step = now => {
            const took = now - last; last = now;
            seen.frames++; seen.longest = Math.max(seen.longest, took); if (took > 100) seen.over++;
            if (seen.on) requestAnimationFrame(step);
          };
          requestAnimationFrame(now => { last = now; requestAnimationFrame(step); });
          window.seen = seen;
        }
        """;

    /// <summary>Milliseconds until the grid's first pictures are drawn.</summary>
    public async Task<double> FirstPaintAsync()
    {
        await page.GotoAsync(
            new Uri(address, "/images?show=all").ToString(),
            new() { WaitUntil = WaitUntilState.Commit }
        );
        await page.WaitForFunctionAsync(
            "() => [...document.querySelectorAll('.cell img')].filter(i => i.complete && i.naturalWidth).length > 8"
        );
        return await page.EvaluateAsync<double>(
            """
            () => new Promise(done =>
              requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))
            """
        );
    }

    /// <summary>Scrolls the grid, by the wheel's steps and from end to end.</summary>
    public async Task<Frames> ScrollAsync(int seconds)
    {
        await page.EvaluateAsync(WatchFrames);
        await page.EvaluateAsync(
            """
            seconds => new Promise(done => {
              const list = document.getElementById("grid"), begin = performance.now();
              let jumped = 0;
              const step = now => {
                const t = (now - begin) / 1000;
                if (t >= seconds) { done(); return; }
                if (Math.floor(t) > jumped) {
                  jumped = Math.floor(t);
                  list.scrollTop = list.scrollHeight * ((jumped * 0.37) % 1);
                } else list.scrollTop += 120;
                requestAnimationFrame(step);
              };
              requestAnimationFrame(step);
            })
            """,
            seconds
        );
        return await SeenAsync();
    }

    /// <summary>Milliseconds from a jump into the middle of the grid until its pictures are there.</summary>
    public Task<double> JumpAsync(double share) =>
        page.EvaluateAsync<double>(
            """
            share => new Promise(done => {
              const list = document.getElementById("grid"), begin = performance.now();
              list.scrollTop = list.scrollHeight * share;
              const box = list.getBoundingClientRect();
              const look = () => {
                const shown = [...list.querySelectorAll(".cell img")].filter(i => {
                  const b = i.getBoundingClientRect();
                  return b.bottom > box.top && b.top < box.bottom;
                });
                if (shown.length > 4 && shown.every(i => i.complete && i.naturalWidth)) done(performance.now() - begin);
                else requestAnimationFrame(look);
              };
              requestAnimationFrame(() => requestAnimationFrame(look));
            })
            """,
            share
        );

    /// <summary>Opens the overview: milliseconds until the map is drawn, and its frames.</summary>
    public async Task<(double Milliseconds, Frames Frames)> MapAsync()
    {
        await page.GotoAsync(address.ToString(), new() { WaitUntil = WaitUntilState.Commit });
        await page.EvaluateAsync(WatchFrames);
        await page.WaitForFunctionAsync("() => document.getElementById('features')?.dataset.drawn > 0");
        double took = await page.EvaluateAsync<double>("() => performance.now()");
        return (took, await SeenAsync());
    }

    /// <summary>Draws around the middle of the map: milliseconds until they are selected, and the frames.</summary>
    public async Task<(double Milliseconds, Frames Frames)> LassoAsync(double share)
    {
        LocatorBoundingBoxResult box = (await page.Locator("#features").BoundingBoxAsync())!;
        await page.EvaluateAsync(WatchFrames);
        (double x, double y) = (box.X + box.Width / 2, box.Y + box.Height / 2);
        string before = await page.Locator("#chosen").InnerTextAsync();
        await page.Mouse.MoveAsync((float)(x + share * box.Width / 2), (float)y);
        await page.Mouse.DownAsync();
        for (int i = 1; i <= 40; i++)
            await page.Mouse.MoveAsync(
                (float)(x + share * box.Width / 2 * Math.Cos(Math.Tau * i / 40)),
                (float)(y + share * box.Height / 2 * Math.Sin(Math.Tau * i / 40))
            );
        Stopwatch clock = Stopwatch.StartNew();
        await page.Mouse.UpAsync();
        await Expect(page.Locator("#chosen")).Not.ToHaveTextAsync(before);
        double took = clock.Elapsed.TotalMilliseconds;
        await page.WaitForTimeoutAsync(500);
        return (took, await SeenAsync());
    }

    /// <summary>Drags the edit screen's slider: how many places a second are shown.</summary>
    public Task<double> DragAsync(int count) =>
        page.EvaluateAsync<double>(
            """
            count => new Promise(done => {
              const slider = document.getElementById("place"), begin = performance.now();
              let shown = 0;
              const x = () => document.querySelector("line.now")?.getAttribute("x1");
              const next = () => {
                if (shown === count) { done(count / ((performance.now() - begin) / 1000)); return; }
                const before = x();
                slider.value = (Number(slider.value) + 1) % 8;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                const look = () => { if (x() !== before) { shown++; next(); } else requestAnimationFrame(look); };
                requestAnimationFrame(look);
              };
              next();
            })
            """,
            count
        );

    /// <summary>
    /// Of what the page's main thread does meanwhile, by the browser's trace, the longest task, in milliseconds, and
    /// the same without what the processor did for others in the middle of it.
    /// </summary>
    public async Task<(double Whole, double Own)> LongestTaskAsync(Func<Task> work)
    {
        ICDPSession session = await page.Context.NewCDPSessionAsync(page);
        List<JsonElement> parts = [];
        TaskCompletionSource complete = new();
        session.Event("Tracing.dataCollected").OnEvent += (_, e) => parts.Add(e!.Value.Clone());
        session.Event("Tracing.tracingComplete").OnEvent += (_, _) => complete.TrySetResult();
        await session.SendAsync(
            "Tracing.start",
            new()
            {
                ["transferMode"] = "ReportEvents",
                ["traceConfig"] = new { includedCategories = new[] { "toplevel" }, excludedCategories = new[] { "*" } },
            }
        );
        await work();
        await session.SendAsync("Tracing.end");
        await complete.Task;
        JsonElement[] events = [.. parts.SelectMany(p => p.GetProperty("value").EnumerateArray())];
        HashSet<(int, int)> main =
        [
            .. events
                .Where(e =>
                    Text(e, "name") == "thread_name" && e.GetProperty("args").ToString().Contains("CrRendererMain")
                )
                .Select(Thread),
        ];
        JsonElement[] tasks =
        [
            .. events.Where(e => Text(e, "ph") == "X" && main.Contains(Thread(e)) && e.TryGetProperty("dur", out _)),
        ];
        return (Longest("dur"), Longest("tdur"));

        double Longest(string time) =>
            tasks
                .Select(e => e.TryGetProperty(time, out JsonElement took) ? took.GetDouble() / 1000 : 0)
                .DefaultIfEmpty(0)
                .Max();

        static string? Text(JsonElement e, string name) =>
            e.TryGetProperty(name, out JsonElement v) ? v.GetString() : null;

        static (int, int) Thread(JsonElement e) => (e.GetProperty("pid").GetInt32(), e.GetProperty("tid").GetInt32());
    }

    /// <summary>MiB of the page's scripts.</summary>
    public async Task<double> HeapAsync()
    {
        ICDPSession session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("HeapProfiler.collectGarbage");
        JsonElement heap = (await session.SendAsync("Runtime.getHeapUsage"))!.Value;
        return heap.GetProperty("usedSize").GetDouble() / (1 << 20);
    }

    async Task<Frames> SeenAsync()
    {
        JsonElement seen = await page.EvaluateAsync<JsonElement>(
            "() => { window.seen.on = false; return window.seen; }"
        );
        return new Frames(
            seen.GetProperty("frames").GetInt32(),
            seen.GetProperty("longest").GetDouble(),
            seen.GetProperty("over").GetInt32()
        );
    }

    /// <summary>Frames of a browser.</summary>
    /// <param name="Count">How many there were.</param>
    /// <param name="Longest">The longest, in milliseconds.</param>
    /// <param name="Long">How many took over 100 ms.</param>
    public sealed record Frames(int Count, double Longest, int Long)
    {
        public override string ToString() =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Count} frames, the longest {Longest:F0} ms, {Long} over 100 ms"
            );
    }
}
