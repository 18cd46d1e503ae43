using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Retouch.Studio.World;
using Retouch.Tests.Formats;
using static Microsoft.Playwright.Assertions;

namespace Retouch.Tests.Studio;

/// <summary>The studio on many images.</summary>
[Collection(nameof(LettersWorld))]
public sealed partial class StudioManyTests(LettersWorld letters) : IDisposable
{
    const int Images = 5000;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Many_images_are_read_on_after_an_end_and_scrolled_selected_and_mapped()
    {
        await using Browsing browser = await Browsing.StartAsync();
        string images = Copies();
        string folder = _folder.File("s");
        await using (StudioLetters studio = await StudioLetters.StartAsync(letters, folder, images))
            while (studio.Server.World.Read < Images / 5)
                await Task.Delay(20);
        string index = Directory.GetFiles(folder, "images.jsonl", SearchOption.AllDirectories).Single();
        Assert.InRange(File.ReadLines(index).Count(), Images / 5, Images - 1);

        await using StudioLetters again = await StudioLetters.StartAsync(letters, folder, images);
        StudioWorld world = again.Server.World;
        List<string> complaints = [];
        IPage page = await browser.PageAsync(complaints);
        await page.GotoAsync(again.Server.Entry.ToString());
        await world.Opened;
        Assert.Equal(Images, world.Read);
        StudioFigures figures = new(page, again.Server.Address);
        await figures.FirstPaintAsync();
        foreach (double share in (double[])[0.2, 0.9, 0.5])
            await figures.JumpAsync(share);
        Assert.InRange(await page.Locator(".cell").CountAsync(), 9, 300);
        await page.Locator("#grid").FocusAsync();
        await page.Keyboard.PressAsync("End");
        await Expect(page.Locator($".cell.at img[src='/thumb/{Images - 1}']")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Control+a");
        await Expect(Chosen(Images)).ToBeVisibleAsync();
        await page.Keyboard.PressAsync(" ");
        await Expect(Chosen(Images - 1)).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Control+z");
        await Expect(Chosen(Images)).ToBeVisibleAsync();

        await figures.MapAsync();
        await Expect(page.Locator($"#features[data-drawn='{Images}'][data-chosen='{Images}']")).ToBeVisibleAsync();
        await figures.LassoAsync(0.3);
        int some = world.Images.Count(i => IsChosen(i.Id));
        Assert.InRange(some, 1, Images - 1);
        await page.Keyboard.PressAsync("Control+z");
        await Expect(page.Locator("#chosen")).ToHaveTextAsync($"{Images}");
        Assert.Empty(complaints);
        await again.DisposeAsync();
        // Whatever was read once was not read again.
        string[] lines = File.ReadAllLines(index);
        Assert.Equal(lines.Length, lines.Select(l => l.Split('|')[0]).Distinct().Count());
        Assert.Equal(Images + world.LocalityImages.Count, lines.Length);

        ILocator Chosen(int count) => page.GetByText($"{Images} images, {count} selected");

        bool IsChosen(int id) => again.Server.Selection.Has(id);
    }

    // The letters again and again.
    string Copies()
    {
        string folder = _folder.File("many");
        string[] files = Directory.GetFiles(letters.Images("natural"), "*.png", SearchOption.AllDirectories);
        foreach (string name in files.Select(f => Path.GetFileName(Path.GetDirectoryName(f)!)).Distinct())
            Directory.CreateDirectory(Path.Combine(folder, name));
        for (int i = 0; i < Images; i++)
        {
            string file = files[i % files.Length];
            File.Copy(file, Path.Combine(folder, Path.GetFileName(Path.GetDirectoryName(file)!), $"{i:D5}.png"));
        }
        return folder;
    }

    /// <summary>
    /// What docs/studio.md says of a studio that runs, of which tools/measure-studio.sh tells the address and process.
    /// </summary>
    [Fact]
    public async Task Figures()
    {
        string? entry = Environment.GetEnvironmentVariable("RETOUCH_STUDIO");
        Assert.SkipWhen(entry is null, "RETOUCH_STUDIO names no studio that runs; tools/measure-studio.sh starts one");
        await using Browsing browser = await Browsing.StartAsync();
        List<string> complaints = [];
        IPage page = await browser.PageAsync(complaints);
        await page.GotoAsync(entry);
        Uri address = new(new Uri(entry).GetLeftPart(UriPartial.Authority));
        StudioFigures figures = new(page, address);
        // What is read by then is what was read; the rest takes as long as the model does.
        await Expect(page.Locator("#unsure ~ .clusters li").First).ToBeVisibleAsync(new() { Timeout = 1_800_000 });
        Say($"first paint {await figures.FirstPaintAsync():F0} ms, again {await figures.FirstPaintAsync():F0} ms");
        for (int i = 1; i <= 3; i++)
            Say($"a jump {await figures.JumpAsync(0.23 * i):F0} ms until its pictures are there");
        for (int i = 0; i < 3; i++)
            Say($"scrolling: {await figures.ScrollAsync(8)}");
        (double whole, double own) = await figures.LongestTaskAsync(() => figures.ScrollAsync(8));
        Say($"in the trace of the same, the page's longest task {whole:F0} ms, {own:F0} ms of them its own");
        Say($"cells in the page {await page.Locator(".cell").CountAsync()}");
        await page.Locator("#grid").EvaluateAsync("list => { list.scrollTop = 0; }");
        await page.GetByRole(AriaRole.Button, new() { Name = "Select all shown" }).ClickAsync();
        await Expect(page.Locator(".cell.chosen").First).ToBeVisibleAsync();
        Say($"scrolling with all selected: {await figures.ScrollAsync(4)}");
        (double milliseconds, StudioFigures.Frames frames) = await figures.MapAsync();
        Say($"map drawn {milliseconds:F0} ms after the page was asked for: {frames}");
        await page.Keyboard.PressAsync("Control+z");
        await Expect(page.Locator("#chosen")).ToHaveTextAsync("0");
        (milliseconds, frames) = await figures.LassoAsync(0.4);
        Say($"around some: {milliseconds:F0} ms, {await page.Locator("#chosen").InnerTextAsync()}: {frames}");
        (milliseconds, frames) = await figures.LassoAsync(0.98);
        Say($"around all: {milliseconds:F0} ms, {await page.Locator("#chosen").InnerTextAsync()}: {frames}");
        Say($"the page's scripts hold {await figures.HeapAsync():F1} MiB");
        foreach (string line in Memory())
            Say(line);
        Assert.Empty(complaints);
    }

    /// <summary>What docs/studio.md says of how soon an edit is seen, of a studio that runs.</summary>
    [Fact]
    public async Task Figures_of_an_edit()
    {
        string? entry = Environment.GetEnvironmentVariable("RETOUCH_STUDIO");
        string? image = Environment.GetEnvironmentVariable("RETOUCH_STUDIO_EDIT");
        Assert.SkipWhen(entry is null || image is null, "RETOUCH_STUDIO_EDIT names no image of a studio that runs");
        await using Browsing browser = await Browsing.StartAsync();
        List<string> complaints = [];
        IPage page = await browser.PageAsync(complaints);
        await page.GotoAsync(entry);
        await Expect(page.Locator("#unsure ~ .clusters li").First).ToBeVisibleAsync(new() { Timeout = 1_800_000 });
        if (Environment.GetEnvironmentVariable("RETOUCH_SCREENS") is string shots)
            await page.ScreenshotAsync(new() { Path = Path.Combine(shots, "overview-real.png"), FullPage = true });
        // What runs for the first time is compiled then.
        foreach (string number in image.Split(','))
        {
            await page.GotoAsync(new Uri(new Uri(entry), $"/edit/{number}").ToString());
            await Expect(page.Locator("circle.local")).ToHaveCountAsync(8);
            await page.GetByText("What is behind the slider").ClickAsync();
            for (int place = 0; place < 8; place++)
            {
                await page.Locator("#place").FillAsync($"{place}");
                await Expect(page.Locator("circle.local.now")).ToHaveCountAsync(1);
                await page.WaitForTimeoutAsync(300);
                Say(await page.Locator("details p").First.InnerTextAsync());
            }
            Say($"200 places dragged through: {await new StudioFigures(page, new(entry)).DragAsync(200):F1} a second");
        }
        Assert.Empty(complaints);
    }

    static void Say(FormattableString text) => Say(text.ToString(CultureInfo.InvariantCulture));

    static void Say(string text)
    {
        if (Environment.GetEnvironmentVariable("RETOUCH_FIGURES") is string file)
            File.AppendAllText(file, text + "\n");
        TestContext.Current.TestOutputHelper?.WriteLine(text);
    }

    // What the server, and the browser's pages, hold, and held at most.
    static IEnumerable<string> Memory()
    {
        if (!OperatingSystem.IsLinux())
            yield break;
        foreach (string id in Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).OfType<string>())
        {
            if (!int.TryParse(id, CultureInfo.InvariantCulture, out _))
                continue;
            string command;
            string status;
            try
            {
                command = File.ReadAllText($"/proc/{id}/cmdline");
                status = File.ReadAllText($"/proc/{id}/status");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }
            string? what =
                id == Environment.GetEnvironmentVariable("RETOUCH_STUDIO_PROCESS") ? "the server"
                : command.Contains("--type=renderer", StringComparison.Ordinal) ? "a page"
                : null;
            if (what is not null)
                yield return $"{what}: {Resident().Match(status).Value}, {Most().Match(status).Value}";
        }
    }

    [GeneratedRegex(@"VmRSS:\s*\d+ kB")]
    private static partial Regex Resident();

    [GeneratedRegex(@"VmHWM:\s*\d+ kB")]
    private static partial Regex Most();
}
