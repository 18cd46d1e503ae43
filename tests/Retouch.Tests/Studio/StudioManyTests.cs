using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Retouch.Tests.Formats;
using static Microsoft.Playwright.Assertions;

namespace Retouch.Tests.Studio;

/// <summary>The studio on many images.</summary>
public sealed partial class StudioManyTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

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
        double task = await figures.LongestTaskAsync(async () => Say($"scrolling: {await figures.ScrollAsync(10)}"));
        Say($"the longest task of the page meanwhile {task:F0} ms");
        Say($"cells in the page {await page.Locator(".cell").CountAsync()}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Select all shown" }).ClickAsync();
        await Expect(page.Locator(".cell.chosen").First).ToBeVisibleAsync();
        Say($"scrolling with all selected: {await figures.ScrollAsync(4)}");
        (double milliseconds, StudioFigures.Frames frames) = await figures.MapAsync();
        Say($"map drawn {milliseconds:F0} ms after the page was asked for: {frames}");
        await page.Keyboard.PressAsync("Control+z");
        await Expect(page.Locator("#chosen")).ToHaveTextAsync(NoneSelected());
        (milliseconds, frames) = await figures.LassoAsync(0.4);
        Say($"around some: {milliseconds:F0} ms, {await page.Locator("#chosen").InnerTextAsync()}: {frames}");
        (milliseconds, frames) = await figures.LassoAsync(0.98);
        Say($"around all: {milliseconds:F0} ms, {await page.Locator("#chosen").InnerTextAsync()}: {frames}");
        Say($"the page's scripts hold {await figures.HeapAsync():F1} MiB");
        foreach (string line in Memory("Retouch.Cli.dll", "--type=renderer"))
            Say(line);
        Assert.Empty(complaints);
    }

    static void Say(FormattableString text) => Say(text.ToString(CultureInfo.InvariantCulture));

    static void Say(string text)
    {
        if (Environment.GetEnvironmentVariable("RETOUCH_FIGURES") is string file)
            File.AppendAllText(file, text + "\n");
        TestContext.Current.TestOutputHelper?.WriteLine(text);
    }

    // Of the processes whose command lines have these words: what they hold, and held at most.
    static IEnumerable<string> Memory(params string[] words)
    {
        if (!OperatingSystem.IsLinux())
            yield break;
        foreach (
            string folder in Directory
                .EnumerateDirectories("/proc")
                .Where(d => int.TryParse(Path.GetFileName(d), out _))
        )
        {
            string command;
            string status;
            try
            {
                command = File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ');
                status = File.ReadAllText(Path.Combine(folder, "status"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }
            if (words.FirstOrDefault(command.Contains) is string word)
                yield return $"{word}: {Resident().Match(status).Value}, {Most().Match(status).Value}";
        }
    }

    [GeneratedRegex(@"\(0\)|^0|none", RegexOptions.IgnoreCase)]
    private static partial Regex NoneSelected();

    [GeneratedRegex(@"VmRSS:\s*\d+ kB")]
    private static partial Regex Resident();

    [GeneratedRegex(@"VmHWM:\s*\d+ kB")]
    private static partial Regex Most();
}
