using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Tests.Formats;
using static Microsoft.Playwright.Assertions;

namespace Retouch.Tests.Studio;

/// <summary>What a person does in the studio, in a real browser, on the letters.</summary>
[Collection(nameof(LettersWorld))]
public sealed class StudioStoryTests(LettersWorld letters) : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly List<string> _complaints = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task From_a_mistake_to_the_ledger_and_back()
    {
        await using Visit visit = await VisitAsync("natural");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        // The largest cell first: zeros that are read as letters.
        await page.Locator("tbody tr").First.GetByRole(AriaRole.Link).ClickAsync();
        await page.Locator(".cell").First.DblClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("to be");
        await Expect(page.Locator(".figures b").First).ToHaveTextAsync("right");
        await Expect(page.Locator("circle.local")).ToHaveCountAsync(8);

        // General edits mend more, and cost more.
        await page.Locator("#place").FillAsync("0");
        await Expect(page.Locator(".figures b").Nth(1))
            .ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^0 of"));
        await page.Locator("#place").FillAsync("7");
        await Expect(page.Locator(".figures b").Nth(1))
            .Not.ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^0 of"));
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Also mended" }).Locator("li").First)
            .ToBeVisibleAsync();
        await page.GetByText("What is behind the slider").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Which parts" }).ClickAsync();
        await Expect(page.Locator(".cells span")).ToHaveCountAsync(49);

        await page.Locator("#place").FillAsync("2");
        await page.Locator("#reason").FillAsync("It is a zero");
        await page.Locator("#accept").ClickAsync();
        await Expect(page.GetByText("Accepted as entry")).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Expect(page.GetByText("mends this image already: It is a zero")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "the ledger", Exact = true }).ClickAsync();
        await Expect(page.Locator(".entry").First).ToContainTextAsync("It is a zero");
        Ledger ledger = Ledger.Open(studio.Ledger);
        LedgerEntry entry = Assert.Single(ledger.State.Added);
        Assert.Equal(("It is a zero", "tests"), (entry.Reason, entry.Author));
        using (Patch patch = PatchFile.Load(ledger.PathOf(entry.Patch!)))
            Assert.Equal("gate", patch.Provenance.Method);

        await page.GetByRole(AriaRole.Link, new() { Name = "Compare" }).ClickAsync();
        await page.Locator("button.main").ClickAsync();
        await Expect(page.Locator(".figures b").First).Not.ToHaveTextAsync("0");
        await page.GetByRole(AriaRole.Link, new() { Name = "Ledger" }).First.ClickAsync();
        IPage report = await page.Context.RunAndWaitForPageAsync(() =>
            page.GetByRole(AriaRole.Link, new() { Name = "The report, to print" }).ClickAsync()
        );
        await Expect(report.Locator("body")).ToContainTextAsync("It is a zero");
        await report.CloseAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Build the model (safetensors)" }).ClickAsync();
        IDownload built = await page.RunAndWaitForDownloadAsync(() =>
            page.GetByRole(AriaRole.Link, new() { Name = "Download model-1" }).ClickAsync()
        );
        Assert.Equal("model-1.safetensors", built.SuggestedFilename);
        using (ModelFile file = ModelFile.Load(await Kept(built)))
            Assert.NotEqual(ledger.Base, file.Model.Fingerprint);
        await page.GetByRole(AriaRole.Link, new() { Name = "Ledger" }).First.ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Take back" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Take back" })).ToHaveCountAsync(0);
        Assert.Empty(Ledger.Open(studio.Ledger).State.Added);
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task What_the_model_is_unsure_of_is_selected_and_mended_together_without_labels()
    {
        await using Visit visit = await VisitAsync("oil");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        ILocator slice = page.Locator(".clusters li").First;
        await slice.GetByRole(AriaRole.Button, new() { Name = "Select" }).ClickAsync();
        await Expect(page.Locator("#chosen")).Not.ToHaveTextAsync("0");
        int count = studio.Server.Selection.Count;
        Assert.True(count >= 5);
        await Expect(slice).ToContainTextAsync($"{count} images");
        await Expect(page.Locator("#chosen")).ToHaveTextAsync($"{count}");
        await Expect(page.Locator($"#features[data-chosen='{count}']")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "show them" }).ClickAsync();
        await Expect(page.GetByText($"{count} images, {count} selected")).ToBeVisibleAsync();
        await Expect(page.Locator(".cell.chosen").First).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Overview" }).ClickAsync();
        await slice.GetByRole(AriaRole.Button, new() { Name = "Mend" }).ClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync(new System.Text.RegularExpressions.Regex("Correct|to be"));
        Assert.All(studio.Server.Selection.Ids, i => Assert.NotEqual(true, studio.Server.World.Images[i].IsRight));
        await page.GotoAsync(new Uri(studio.Server.Address, "/").ToString());

        // By another way to look at them, from the keyboard.
        await page.Locator("#find").FillAsync("O");
        await page.GetByRole(AriaRole.Button, new() { Name = "is taken for" }).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("th[aria-sort=ascending]")).ToContainTextAsync("is taken for");
        await page.Locator("tbody tr").First.GetByRole(AriaRole.Button, new() { Name = "select" }).ClickAsync();
        await Expect(page.Locator("#chosen")).Not.ToHaveTextAsync("0");
        await page.Locator(".legend select").SelectOptionAsync("class");
        await page.GetByRole(AriaRole.Button, new() { Name = "select none" }).ClickAsync();
        await Expect(page.Locator("#features[data-chosen='0']")).ToBeVisibleAsync();
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task Images_are_found_by_the_patch_that_corrected_or_broke_them()
    {
        await using Visit visit = await VisitAsync("oil");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        await studio.Server.World.Opened;
        int wrong = studio.Server.World.Images.First(i => i.IsWrong).Id;
        await page.GotoAsync(new Uri(studio.Server.Address, $"/edit/{wrong}").ToString());
        await Expect(page.Locator("circle.local")).ToHaveCountAsync(8);
        await page.Locator("#place").FillAsync("4");
        await Expect(page.Locator(".figures b").First).ToHaveTextAsync("right");
        int mended = await page.GetByRole(AriaRole.Region, new() { Name = "Also mended" }).Locator("li").CountAsync();
        int broken = await page.GetByRole(AriaRole.Region, new() { Name = "Broken" }).Locator("li").CountAsync();
        await page.GetByText("What is behind the slider").ClickAsync();
        await page.Locator("#units").ClickAsync();
        await Expect(page.Locator(".units tbody tr")).Not.ToHaveCountAsync(0);
        await page.Locator("#reason").FillAsync("Zeros");
        await page.Locator("#accept").ClickAsync();
        await Expect(page.Locator("p.good")).ToContainTextAsync("Accepted");

        await page.GetByRole(AriaRole.Link, new() { Name = "Images" }).ClickAsync();
        await page.Locator("#corrected").SelectOptionAsync("1");
        await Expect(page.GetByText($"{mended + 1} images, 0 selected")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Select all shown" }).ClickAsync();
        await page.Locator("#corrected").SelectOptionAsync("");
        await page.Locator("#broken").SelectOptionAsync("0");
        await Expect(page.GetByText($"{broken} images, {mended + 1} selected")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Undo" }).ClickAsync();
        await Expect(page.GetByText($"{broken} images, 0 selected")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Overview" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "corrected by the ledger" })).ToBeVisibleAsync();

        // By probability; and the image that is pointed at, with the label that is suggested.
        await page.GotoAsync(new Uri(studio.Server.Address, "/images?show=wrong").ToString());
        await page.GetByLabel("Probability to, in per cent").FillAsync("90");
        await page.GetByLabel("Probability to, in per cent").PressAsync("Enter");
        int below = studio.Server.World.Images.Count(i => i.IsWrong && i.Answer!.Value.Probability <= 0.9);
        await Expect(page.GetByText($"{below} images, 0 selected")).ToBeVisibleAsync();
        await page.Locator("#grid").FocusAsync();
        await page.Keyboard.PressAsync("l");
        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex(@"/edit/\d+\?label=\d+"));
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task By_keyboard_alone()
    {
        await using Visit visit = await VisitAsync("oil");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        await Expect(page.Locator("tbody tr").First).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("?");
        await Expect(page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("i");
        await Expect(page.Locator(".cell").First).ToBeVisibleAsync();
        await page.Locator("#grid").FocusAsync();
        await page.Keyboard.PressAsync(" ");
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync(" ");
        await Expect(page.GetByRole(AriaRole.Status).Filter(new() { HasText = "2 selected" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Control+z");
        await Expect(page.GetByRole(AriaRole.Status).Filter(new() { HasText = "1 selected" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#place")).ToBeVisibleAsync();
        await Expect(page.Locator("circle.local")).ToHaveCountAsync(8);
        await page.Locator("#place").FocusAsync();
        await page.Keyboard.PressAsync("ArrowLeft");
        await Expect(page.Locator(".figures b").First).ToHaveTextAsync("right");
        await page.Locator("h1").ClickAsync();
        await page.Keyboard.PressAsync("a");
        await Expect(page.Locator("#reason")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("by keys");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("p.good")).ToContainTextAsync("Accepted");
        Assert.Equal("by keys", Assert.Single(Ledger.Open(studio.Ledger).State.Added).Reason);
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task A_repair_outlives_a_refresh_and_is_seen_in_a_second_tab()
    {
        await using Visit visit = await VisitAsync("oil");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        await page.GotoAsync(new Uri(studio.Server.Address, "/images?show=wrong").ToString());
        await Expect(page.Locator(".cell").First).ToBeVisibleAsync();
        await studio.Server.World.Opened;
        await page.GetByRole(AriaRole.Button, new() { Name = "Select all shown" }).ClickAsync();
        IPage second = await Browsing.PageAsync(page.Context, _complaints);
        await second.GotoAsync(new Uri(studio.Server.Address, "/images?selected=1").ToString());
        await Expect(second.Locator(".cell.chosen").First).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Correct the selected" }).ClickAsync();
        await page.Locator("#ask").ClickAsync();
        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("/jobs/1$"));
        await page.ReloadAsync();
        await second.GotoAsync(new Uri(studio.Server.Address, "/jobs").ToString());
        await Expect(second.Locator(".state.done")).ToBeVisibleAsync();
        await Expect(page.Locator(".figures b").First).ToBeVisibleAsync();
        await page.Locator("#accept").ClickAsync();
        await Expect(page.Locator("p.good")).ToContainTextAsync("Accepted");
        LedgerEntry entry = Assert.Single(Ledger.Open(studio.Ledger).State.Added);
        Assert.Equal("repair", entry.Patch!.Method);
        Assert.True(entry.Images.Count > 1);
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task Mistakes_are_gathered_from_the_page_of_jobs()
    {
        await using Visit visit = await VisitAsync("oil");
        IPage page = visit.Page;
        await page.GetByRole(AriaRole.Link, new() { Name = "Jobs" }).ClickAsync();
        await page.GetByLabel("in groups of at least").FillAsync("2");
        await page.GetByRole(AriaRole.Button, new() { Name = "Gather the mistakes" }).ClickAsync();
        await Expect(page.Locator(".job .state.done")).ToBeVisibleAsync();
        await Expect(page.Locator(".job")).ToContainTextAsync("groups of at least 2");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Download benchmark.json" })).ToBeVisibleAsync();
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task An_image_that_somebody_brings_is_asked_with_and_without_patches()
    {
        await using Visit visit = await VisitAsync("oil");
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Try" }).ClickAsync();
        await studio.Server.World.Opened;
        await page.Locator("input[type=file]").SetInputFilesAsync(studio.Server.World.Images[0].Path);
        await Expect(page.Locator("caption").First).ToHaveTextAsync("the model");
        await page.Locator("input[type=file]")
            .SetInputFilesAsync(
                new FilePayload
                {
                    Name = "a.png",
                    MimeType = "image/png",
                    Buffer = [1, 2, 3],
                }
            );
        await Expect(page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "a.png" })).ToBeVisibleAsync();
        Assert.Empty(_complaints);
    }

    [Theory]
    [InlineData(400, ColorScheme.Dark)]
    [InlineData(1400, ColorScheme.Light)]
    [InlineData(2200, ColorScheme.Dark)]
    public async Task Every_screen_fits_and_is_accessible(int width, ColorScheme scheme)
    {
        await using Visit visit = await VisitAsync("oil", width, scheme);
        (StudioLetters studio, IPage page) = (visit.Studio, visit.Page);
        await studio.Server.World.Opened;
        int wrong = studio.Server.World.Images.First(i => i.IsWrong).Id;
        string? shots = Environment.GetEnvironmentVariable("RETOUCH_SCREENS");
        foreach (
            string path in (string[])["/", "/images?show=all", $"/edit/{wrong}", "/ledger", "/compare", "/try", "/jobs"]
        )
        {
            await page.GotoAsync(new Uri(studio.Server.Address, path).ToString());
            await Expect(page.Locator("h1")).ToBeVisibleAsync();
            if (path.StartsWith("/edit", StringComparison.Ordinal))
                await Expect(page.Locator("circle.local")).ToHaveCountAsync(8);
            if (path.StartsWith("/images", StringComparison.Ordinal))
                await Expect(page.Locator(".cell").First).ToBeVisibleAsync();
            if (shots is not null)
                await page.ScreenshotAsync(
                    new()
                    {
                        Path = Path.Combine(
                            shots,
                            $"{path.Split('?')[0].Trim('/').Replace('/', '-')}-{width}-{scheme}.png"
                        ),
                        FullPage = true,
                    }
                );
            int overflow = await page.EvaluateAsync<int>(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            );
            string wide = await page.EvaluateAsync<string>(
                """
                () => [...document.querySelectorAll("main *")]
                    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth)
                    .filter(e => !e.closest(".tall,.out"))
                    .map(e => e.outerHTML.slice(0, 60)).slice(0, 4).join(" | ")
                """
            );
            Assert.True(overflow <= 0, $"{path} is {overflow} px wider than {width}: {wide}");
            AxeResult found = await page.RunAxe();
            Assert.Empty(
                found
                    .Violations.Where(v => v.Impact is "serious" or "critical")
                    .Select(v => $"{path}: {v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Select(n => n.Html).Take(3))}")
            );
        }
        Assert.Empty(_complaints);
    }

    async Task<string> Kept(IDownload download)
    {
        string file = _folder.File(download.SuggestedFilename);
        await download.SaveAsAsync(file);
        return file;
    }

    // A studio, and a browser that has just opened it by the address that it prints.
    async Task<Visit> VisitAsync(string subset, int width = 1400, ColorScheme scheme = ColorScheme.Light)
    {
        Browsing browser = await Browsing.StartAsync();
        StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), subset);
        IPage page = await browser.PageAsync(_complaints, width, scheme);
        await page.GotoAsync(studio.Server.Entry.ToString());
        return new Visit(browser, studio, page);
    }

    sealed record Visit(Browsing Browser, StudioLetters Studio, IPage Page) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Studio.DisposeAsync();
            await Browser.DisposeAsync();
        }
    }
}
