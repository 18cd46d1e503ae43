using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Retouch.Benchmarks;
using Retouch.Cli;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Reports;
using Retouch.Tests.Benchmarks;
using Retouch.Tests.Formats;
using static Retouch.Tests.Reports.ReportSamples;

namespace Retouch.Tests.Reports;

public sealed partial class BenchReportTests
{
    const string Hostile = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&amp;\u0001\ud800";

    static readonly ReportOptions Few = new() { Resamples = 50 };
    static readonly XNamespace X = "http://www.w3.org/1999/xhtml";
    static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    static string Page(params ReportRun[] runs) => BenchReport.Html(BenchComparison.Of(runs, Few));

    static XElement Parse(string page) => XDocument.Parse(page).Root!;

    static string[][] Cells(XElement table) =>
        [
            .. table
                .Descendants(X + "tr")
                .Select(r =>
                    r.Elements()
                        .Where(c => c.Name == X + "td")
                        .Select(c => string.Join(' ', c.DescendantNodes().OfType<XText>().Select(t => t.Value)))
                        .ToArray()
                )
                .Where(r => r.Length > 0),
        ];

    static XElement Section(XElement page, string id) =>
        page.Descendants(X + "section").Single(s => (string?)s.Attribute("id") == id);

    static GalleryEdit Edit(string name) =>
        new()
        {
            Group = $"{name}/{name}→3",
            Setting = name,
            Image = new GalleryPicture(name, 3, 1, new byte[] { 1, 2, 3 }),
            Label = 1,
            Probability = (0.1, 0.9),
            Success = true,
            Steps = 7,
            Parameters = 12345,
            Fixed = [new GalleryPicture(name, 3, 1, new byte[] { 4 })],
            Unfixed = [new GalleryPicture(name, 3, 3, default), new GalleryPicture(name, 3, 2, new byte[] { 5 })],
            Changed = [new GalleryPicture(name, 0, 2, new byte[] { 6 })],
            LocalityImages = 300,
            Heat = null,
            Contribution = null,
            Matrices = [],
        };

    [Fact]
    public void The_table_has_the_numbers_that_a_hand_computes()
    {
        XElement section = Section(Parse(Page(Run(Paintings()))), "methods");
        string[][] cells = Cells(Assert.Single(section.Descendants(X + "table")));
        // As in BenchComparisonTests, in percent, with intervals over the two groups.
        Assert.Equal(["gradient mask", "30.0 20.0–40.0", "30.0 20.0–40.0", "60.0 40.0–80.0"], cells[0][..4]);
        Assert.StartsWith("48.0 ", cells[0][4], StringComparison.Ordinal);
        Assert.Equal(["2", "10", "0.25", "100"], cells[0][5..]);
        Assert.Equal(["random mask", "–", "20.0 10.0–30.0", "20.0 10.0–30.0"], cells[1][..4]);
        Assert.StartsWith("16.0 ", cells[1][4], StringComparison.Ordinal);
        // The best of each column is marked.
        Assert.Equal(4, section.Descendants(X + "td").Count(c => (string?)c.Attribute("class") == "best"));

        string[] differences = Cells(Section(Parse(Page(Run(Paintings()))), "where").Descendants(X + "table").Single())[
            0
        ];
        Assert.Equal(
            ["gradient mask", "art", "10", "+10.0 +10.0 to +10.0", "+1.00 +1.00 to +1.00", "4"],
            differences[..6]
        );
    }

    [Fact]
    public void Near_harm_stands_beside_GR_and_LR_where_it_was_counted()
    {
        // Of ten near images five were right. The wide masks break two of them, the small ones one, random ones none.
        static BenchRow With(BenchRow row)
        {
            int broken =
                row.Settings["locator"] == "random" ? 0
                : row.Settings["keep"] == "0.5" ? 2
                : 1;
            return row with { Near = new Dictionary<string, Flips> { ["art/dog"] = new(10, 5, 3, broken, 0) } };
        }
        ReportRun run = Run([.. Paintings().Select(With)]);
        run = run with { Manifest = run.Manifest with { NearImages = 12 } };
        BenchComparison comparison = BenchComparison.Of([run], Few);
        Assert.Equal([0.2, 0.2, 0.4], comparison.Scores[0].Matches.Select(m => m.NegativeFlips!.Value.Mean));
        string page = BenchReport.Html(comparison);
        XElement root = Parse(page);
        XElement table = Section(root, "methods").Descendants(X + "table").Single();
        string[][] cells = Cells(table);
        Assert.Equal(["20.00 20.00–20.00", "0.00 0.00–0.00"], cells.Select(c => c[4]));
        string[] heads = [.. table.Descendants(X + "th").Select(h => h.Value)];
        Assert.Equal("negative flips at LR ≥ 98 %", heads[4].Replace('\u00a0', ' '));
        Assert.Equal(heads.Length, cells[0].Length);

        XElement settings = Section(root, "settings").Descendants(X + "table").First();
        Assert.Equal(settings.Descendants(X + "th").Count(), Cells(settings)[0].Length);
        Assert.Equal("40.00 40.00–40.00 +1.00", string.Join(' ', Cells(settings)[0][7..9]));
        Assert.Contains(
            "makes wrong 0.0 % with random mask, 20.0 % with gradient mask, each at its setting for LR ≥ 98 %.",
            root.Descendants(X + "header").Single().Value.Replace('\u00a0', ' '),
            StringComparison.Ordinal
        );
        Assert.Contains("Negative flips", Section(root, "numbers").Value, StringComparison.Ordinal);
        Assert.Contains("12 images", Section(root, "run").Value, StringComparison.Ordinal);
        Assert.Single(Section(root, "near").Descendants(X + "figure"));

        Assert.Contains("asks four questions", page, StringComparison.Ordinal);

        // Where nobody counted, nothing speaks of it.
        string without = Page(Run(Paintings()));
        Assert.DoesNotContain("negative flips", without, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("asks three questions", without, StringComparison.Ordinal);
        Assert.DoesNotContain("near images", without, StringComparison.OrdinalIgnoreCase);

        // Of an edit in two runs, the one with near images counts, whichever comes first.
        Assert.Equal(
            [0.2, 0.2, 0.4],
            BenchComparison.Of([Run(Paintings()), run], Few).Scores[0].Matches.Select(m => m.NegativeFlips!.Value.Mean)
        );

        // A setting that was run without near images has no figure, and the page says so.
        string mixed = Page(
            run with
            {
                Rows = [.. run.Rows.Select(r => r.Settings["locator"] == "random" ? r with { Near = null } : r)],
            }
        );
        Assert.Equal("–", Cells(Section(Parse(mixed), "methods").Descendants(X + "table").Single())[1][4]);
        Assert.Contains("Some settings have no negative flips", mixed, StringComparison.Ordinal);
        Assert.Contains("20.0\u00a0% with <b>gradient mask</b>", mixed, StringComparison.Ordinal);
    }

    [Fact]
    public void LR_of_mined_sensitive_images_stands_beside_LR_where_it_was_measured()
    {
        // Of twenty sensitive images the wide masks change four, the small ones two, random ones five.
        static BenchRow With(BenchRow row) =>
            row with
            {
                Sensitive = new ChangeCount(
                    20,
                    row.Settings["locator"] == "random" ? 5
                        : row.Settings["keep"] == "0.5" ? 4
                        : 2
                ),
            };
        ReportRun run = Run([.. Paintings().Select(With)]);
        run = run with { Manifest = run.Manifest with { SensitiveCandidates = 900, SensitiveMargin = 0.05 } };
        BenchComparison comparison = BenchComparison.Of([run], Few);
        Assert.Equal([0.9, 0.9, 0.8], comparison.Scores[0].Matches.Select(m => m.MinedLocality!.Value.Mean));
        XElement root = Parse(BenchReport.Html(comparison));
        XElement table = Section(root, "methods").Descendants(X + "table").Single();
        string[] heads = [.. table.Descendants(X + "th").Select(h => h.Value.Replace('\u00a0', ' '))];
        Assert.Equal("sensitive LR at LR ≥ 98 %", heads[4]);
        Assert.Contains(
            "Sensitive LR is over 20 mined images.",
            Section(root, "methods").Value.Replace('\u00a0', ' '),
            StringComparison.Ordinal
        );
        Assert.Equal(["90.0 90.0–90.0", "75.0 75.0–75.0"], Cells(table).Select(c => c[4]));
        Assert.Equal(heads.Length, Cells(table)[0].Length);
        XElement settings = Section(root, "settings").Descendants(X + "table").First();
        Assert.Equal(settings.Descendants(X + "th").Count(), Cells(settings)[0].Length);
        Assert.Equal("80.0 80.0–80.0", Cells(settings)[0][7]);
        Assert.Contains(
            "Of the 20 images that the model is least sure of, on which alone the paper measures locality, an edit "
                + "leaves 90.0 % with gradient mask, 75.0 % with random mask.",
            root.Descendants(X + "header").Single().Value.Replace('\u00a0', ' '),
            StringComparison.Ordinal
        );
        Assert.Contains("LR of sensitive images", Section(root, "numbers").Value, StringComparison.Ordinal);
        Assert.Contains(
            "mined among 900 images",
            Section(root, "run").Value.Replace('\u00a0', ' ').Replace('\u2009', ' '),
            StringComparison.Ordinal
        );

        string without = Page(Run(Paintings()));
        Assert.DoesNotContain("mined", without, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("least sure", without, StringComparison.Ordinal);

        // Of an edit in two runs, the one that measured them counts.
        Assert.Equal(
            0.9,
            BenchComparison.Of([Run(Paintings()), run], Few).Scores[0].Matches[0].MinedLocality!.Value.Mean
        );
        string mixed = Page(
            run with
            {
                Rows = [.. run.Rows.Select(r => r.Settings["locator"] == "random" ? r with { Sensitive = null } : r)],
            }
        );
        Assert.Equal("–", Cells(Section(Parse(mixed), "methods").Descendants(X + "table").Single())[1][4]);
        Assert.Contains("Some settings have no LR over mined sensitive images", mixed, StringComparison.Ordinal);
    }

    [Fact]
    public void Side_effects_have_a_table_where_they_were_measured()
    {
        ReportRun run = Run(Paintings()) with { SideEffects = SideEffectSamples.Of() };
        XElement root = Parse(Page(run));
        XElement section = Section(root, "effects");
        XElement table = Assert.Single(section.Descendants(X + "table"));
        Assert.Equal(
            ["method", "clean", "noise", "motion blur", "JPEG", "brightness"],
            table.Descendants(X + "th").Select(h => h.Value).Take(6)
        );
        string[][] cells = Cells(table);
        Assert.All(cells, c => Assert.Equal(table.Descendants(X + "th").Count(), c.Length));
        Assert.Equal(["unedited, %", "80.0", "46.7"], cells[0][..3]);
        Assert.Equal(["gate", "−10.0 −13.3 to −6.7", "−5.6 −11.1 to 0.0"], cells[1][..3]);
        Assert.Equal(["12.50 8.33–16.67", "2.98 0.00–5.95"], cells[1][6..8]);
        Assert.Equal("−25.0 −40.0 to −10.0 cat, 1 edit dog, 1 edit", cells[1][8].Replace('\u00a0', ' '));
        Assert.Contains(
            "15 images in 2 classes",
            section.Value.Replace('\u00a0', ' ').Replace('\u2009', ' '),
            StringComparison.Ordinal
        );
        Assert.Contains("Side effects", Section(root, "numbers").Value, StringComparison.Ordinal);
        Assert.Contains("asks four questions", Section(root, "numbers").Value, StringComparison.Ordinal);

        Assert.DoesNotContain("side effects", Page(Run(Paintings())), StringComparison.OrdinalIgnoreCase);
        string begun = Page(
            run with
            {
                SideEffects = run.SideEffects with { Measured = [.. run.SideEffects.Measured.Take(3)] },
            }
        );
        Assert.Contains("side effects of the run run are not finished", begun, StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"effects\"", begun, StringComparison.Ordinal);
    }

    [Fact]
    public void The_front_of_near_harm_is_that_of_few_flips_and_much_generalization()
    {
        BenchRow[] rows =
        [
            .. Paintings()
                .Select(r =>
                    r with
                    {
                        // The wide masks generalize most and break most; random ones break as much as the small ones.
                        Near = new Dictionary<string, Flips>
                        {
                            ["art/dog"] = new(10, 5, 0, r.Settings["keep"] == "0.5" ? 3 : 1, 0),
                        },
                    }
                ),
        ];
        using TemporaryFolder folder = new();
        string figures = BenchReport.Write(
            folder.File("r.html"),
            BenchComparison.Of([Run(rows)], Few),
            null,
            [],
            overwrite: false
        );
        string[] csv = File.ReadAllLines(Path.Combine(figures, "near-art.csv"));
        Assert.Equal(
            "subset,method,setting,edits,groups,gr,gr_low,gr_high,negative_flips,negative_flips_low,"
                + "negative_flips_high,net_gain,lr,on_front",
            csv[0]
        );
        Assert.Equal(["yes", "yes", "no"], csv[1..].Select(l => l.Split(',')[^1]));
        Assert.Equal(["0.6", "0.2", "0.2"], csv[1..].Select(l => l.Split(',')[8]));
        Assert.True(File.Exists(Path.Combine(figures, "near-art.svg")));
    }

    [Fact]
    public void A_report_of_one_method_says_its_near_harm_too()
    {
        BenchRow[] rows =
        [
            .. Photos()
                .Where(r => r.Settings["locator"] == "gradient")
                .Select(r => r with { Near = new Dictionary<string, Flips> { ["p/dog"] = new(10, 8, 0, 2, 0) } }),
        ];
        Assert.Contains(
            "On photo, of the labelled images of the same kind that were right, one edit makes wrong 25.0\u00a0% with "
                + "<b>gradient mask</b>",
            Page(Run(rows)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Names_from_anywhere_stay_text()
    {
        BenchRow[] rows =
        [
            .. Paintings()
                .Select(r =>
                    r with
                    {
                        Group = $"{Hostile.Replace('/', '|')}/{Hostile}→3",
                        Image = Hostile + r.Image,
                        Method = r.Settings["locator"] == "random" ? Hostile : r.Method,
                        Settings = new Dictionary<string, string>(r.Settings) { [Hostile] = Hostile },
                    }
                ),
        ];
        ReportRun run = Run(rows, Hostile) with
        {
            Masks =
            [
                new MaskComparison
                {
                    Model = Model,
                    Locator = Hostile,
                    LocatorFile = Hostile,
                    Keep = 0.05,
                    Seed = 0,
                    Specificity = new MaskSpecificity
                    {
                        Within = 0.5,
                        Across = null,
                        Groups = [Hostile],
                        Matrix =
                        [
                            [0.5],
                        ],
                    },
                },
            ],
        };
        LabelSet labels = LabelSet.FromNames(Enumerable.Range(0, 4).Select(i => $"{Hostile} {i}"));
        string page = BenchReport.Html(BenchComparison.Of([run], Few), labels, [Edit(Hostile)]);
        XElement root = Parse(page);
        Assert.DoesNotContain(
            root.Descendants(),
            e => e.Name.LocalName is "script" or "iframe" or "object" or "embed" or "link" or "base" or "form"
        );
        Assert.DoesNotContain(
            root.DescendantsAndSelf().Attributes(),
            a => a.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase)
        );
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        // Yet they are there to read.
        Assert.Contains("<script>alert('x')</script>", root.Value, StringComparison.Ordinal);
        Assert.Contains(
            root.Descendants(X + "img"),
            i => ((string?)i.Attribute("alt"))!.Contains("<img src=x", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void The_page_loads_nothing()
    {
        string page = BenchReport.Html(
            BenchComparison.Of([Run([.. Paintings(), .. Photos()])], Few),
            null,
            [Edit("a")]
        );
        XElement root = Parse(page);
        Assert.All(
            root.Descendants()
                .Attributes()
                .Where(a => a.Name.LocalName is "src" or "href" or "data" or "srcset" or "poster" or "action"),
            a => Assert.True(a.Value.StartsWith('#') || a.Value.StartsWith("data:", StringComparison.Ordinal), a.Value)
        );
        string style = string.Concat(
            root.Descendants()
                .Where(e => e.Name.LocalName == "style")
                .Select(e => e.Value)
                .Concat(root.Descendants().Attributes("style").Select(a => a.Value))
        );
        Assert.DoesNotContain("url(", style, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", style, StringComparison.Ordinal);
        // Nothing but the names of XML's own vocabularies looks like an address.
        Assert.All(
            Address().Matches(page),
            m => Assert.StartsWith("http://www.w3.org/", m.Value, StringComparison.Ordinal)
        );
        string policy = (string)
            root.Descendants(X + "meta")
                .Single(m => (string?)m.Attribute("http-equiv") == "Content-Security-Policy")
                .Attribute("content")!;
        Assert.StartsWith("default-src 'none';", policy, StringComparison.Ordinal);
        // Ids are unique and links within the page lead somewhere.
        string[] ids = [.. root.Descendants().Attributes("id").Select(i => i.Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(
            root.Descendants(X + "a").Attributes("href").Where(h => h.Value[0] == '#'),
            h => Assert.Contains(h.Value[1..], ids)
        );
    }

    [GeneratedRegex("""https?://[^"\s]*""")]
    private static partial Regex Address();

    [Fact]
    public void The_same_rows_make_the_same_bytes_and_their_numbers_come_along()
    {
        using TemporaryFolder folder = new();
        string first = folder.File("report.html");
        string second = folder.File("again.html");
        string figures = BenchReport.Write(
            first,
            BenchComparison.Of([Run(Paintings()), Run(Photos())], Few),
            null,
            [],
            overwrite: false
        );
        BenchReport.Write(
            second,
            BenchComparison.Of([Run(Paintings()), Run(Photos())], Few),
            null,
            [],
            overwrite: false
        );
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal("report-files", Path.GetFileName(figures));

        XElement root = Parse(File.ReadAllText(first));
        XElement[] links = [.. root.Descendants(X + "a").Where(a => a.Attribute("download") is not null)];
        Assert.Equal(
            links.Select(l => l.Attribute("download")!.Value).Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(figures, "*.csv").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)
        );
        Assert.Contains("front-art.csv", links.Select(l => l.Attribute("download")!.Value));
        foreach (XElement link in links)
        {
            string csv = File.ReadAllText(Path.Combine(figures, link.Attribute("download")!.Value));
            Assert.Equal(
                csv,
                Encoding.UTF8.GetString(Convert.FromBase64String(link.Attribute("href")!.Value.Split(',')[1]))
            );
            int columns = csv.Split('\n')[0].Split(',').Length;
            Assert.All(
                csv.Split('\n', StringSplitOptions.RemoveEmptyEntries),
                line => Assert.Equal(columns, line.Split(',').Length)
            );
            XElement svg = XDocument
                .Load(Path.Combine(figures, Path.ChangeExtension(link.Attribute("download")!.Value, ".svg")))
                .Root!;
            Assert.Equal(Svg + "svg", svg.Name);
        }
        string front = File.ReadAllText(Path.Combine(figures, "front-art.csv"));
        Assert.Contains(
            "art,gradient mask,masked-fine-tuning keep=0.5 locator=gradient lr=0.0001 steps=100,4,2,1,0.6",
            front,
            StringComparison.Ordinal
        );

        Assert.Contains(
            "--overwrite",
            RemedyText.Of(
                Assert.Throws<BadInputException>(() =>
                    BenchReport.Write(first, BenchComparison.Of([Run(Photos())], Few), null, [], overwrite: false)
                )
            ),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_text_that_a_spreadsheet_would_compute_is_made_harmless()
    {
        using TemporaryFolder folder = new();
        BenchRow[] rows =
        [
            .. Paintings()
                .Select(r =>
                    r with
                    {
                        Group = r.Group.Replace("art/", "=cmd|' C calc'!A0,\"x\"/", StringComparison.Ordinal),
                    }
                ),
        ];
        string figures = BenchReport.Write(
            folder.File("r.html"),
            BenchComparison.Of([Run(rows)], Few),
            null,
            [],
            overwrite: false
        );
        string csv = File.ReadAllText(Directory.EnumerateFiles(figures, "groups-*.csv").Single());
        Assert.Contains("\n\"'=cmd|' C calc'!A0,\"\"x\"\"\",", csv, StringComparison.Ordinal);
        Assert.All(
            Directory.EnumerateFiles(figures),
            f => Assert.Matches("^[a-z0-9-]+\\.(csv|svg)$", Path.GetFileName(f))
        );
    }

    [Fact]
    public void Sections_that_have_nothing_to_show_are_not_there()
    {
        string[] Ids(string page) =>
            [.. Parse(page).Descendants(X + "section").Select(s => (string)s.Attribute("id")!)];
        Assert.Equal(
            ["numbers", "methods", "fronts", "groups", "where", "settings", "run"],
            Ids(Page(Run(Paintings())))
        );
        BenchRow[] blind = [.. Paintings().Select(r => r with { Locality = null, SensitiveLocality = null })];
        Assert.Equal(["numbers", "methods", "where", "settings", "run"], Ids(Page(Run(blind))));
        Assert.Contains("LR was not measured", Page(Run(blind)), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_samples_batches_and_sequences_have_their_figures()
    {
        BenchRow[] rows =
        [
            .. Paintings(),
            .. Paintings().Take(4).Select(r => r with { Samples = 2, Generalization = 0.9 }),
            .. Paintings()
                .Take(4)
                .Select(
                    (r, i) =>
                        r with
                        {
                            Mode = BenchMode.Sequential,
                            Step = i + 1,
                            EarlierSuccess = i == 0 ? null : 1.0 / i,
                            Locality = 0.99 - 0.01 * i,
                        }
                ),
            .. Paintings()
                .Take(2)
                .Select(
                    (r, i) =>
                        r with
                        {
                            Mode = BenchMode.Batch,
                            Samples = 2,
                            Success = i == 0,
                            SamplesRight = 2 - i,
                            Locality = 0.95,
                        }
                ),
        ];
        using TemporaryFolder folder = new();
        string figures = BenchReport.Write(
            folder.File("report.html"),
            BenchComparison.Of([Run(rows)], Few),
            null,
            [],
            overwrite: false
        );
        XElement root = Parse(File.ReadAllText(folder.File("report.html")));
        // The comparison of methods is over single edits on one image.
        Assert.Equal("60.0 40.0–80.0", Cells(Section(root, "methods").Descendants(X + "table").First())[0][3]);
        string[] samples = File.ReadAllLines(Path.Combine(figures, "samples-art.csv"));
        Assert.Equal(
            ["1,4,0.6", "2,4,0.9"],
            samples
                .Skip(1)
                .Select(l =>
                    string.Join(',', l.Split(',')[3..6]).Replace("0.6000000000000001", "0.6", StringComparison.Ordinal)
                )
        );
        string[] sequence = File.ReadAllLines(Path.Combine(figures, "sequence-art.csv"));
        Assert.Equal(
            ["1,,0.99", "2,1,0.98", "3,0.5,0.97", "4,0.3333333333333333,0.96"],
            sequence.Skip(1).Select(l => l.Split(',')).Select(c => $"{c[3]},{c[6]},{c[8]}")
        );
        string[] batch = Assert.Single(Cells(Section(root, "batches").Descendants(X + "table").Single()));
        Assert.Equal(["gradient mask", "art", "2", "75.0", "80.0", "95.00"], batch[..6]);
        Assert.Equal(7, batch.Length);

        // What was counted nearby and among sensitive images stands beside it.
        rows =
        [
            .. rows.Select(
                (r, i) =>
                    r with
                    {
                        Near = new Dictionary<string, Flips> { ["art/dog"] = new(10, 4, 2, i % 2, 0) },
                        Sensitive = new ChangeCount(20, 2 + 2 * (i % 2)),
                    }
            ),
        ];
        XElement table = Section(Parse(Page(Run(rows))), "batches").Descendants(X + "table").Single();
        batch = Assert.Single(Cells(table));
        Assert.Equal(["95.00", "85.0", "12.50", "+1.50"], batch[5..9]);
        Assert.Equal(table.Descendants(X + "th").Count(), batch.Length);
    }

    [Fact]
    public void An_edit_of_all_groups_together_is_one_line_over_the_images_of_all()
    {
        // Of one patch: 3 of 4 and 0 of 2 seen images right, 1 of 4 and 1 of 1 of the held-out ones, none seen of a
        // third.
        (int Samples, int Right, int Others, double Rate)[] groups = [(4, 3, 4, 0.25), (2, 0, 1, 1), (0, 0, 5, 0)];
        BenchRow first = Paintings().First();
        BenchRow[] rows =
        [
            .. groups.Select(
                (g, i) =>
                    first with
                    {
                        Edit = i,
                        Group = $"art/cat→{i}",
                        Mode = BenchMode.Folder,
                        Samples = g.Samples,
                        SamplesRight = g.Right,
                        Success = g.Samples == g.Right,
                        Others = g.Others,
                        Generalization = g.Rate,
                        Locality = 0.97,
                        Seconds = 12.34,
                        Near = new Dictionary<string, Flips> { ["art/dog"] = new(10, 4, 0, 1, 0) },
                    }
            ),
        ];
        string[] line = Assert.Single(
            Cells(Section(Parse(Page(Run(rows))), "folders").Descendants(X + "table").Single())
        );
        Assert.Equal(["1", "6", "50.0"], line[1..4]);
        Assert.StartsWith("20.0 (", line[4], StringComparison.Ordinal);
        Assert.Equal(["97.00", "25.00 (25.00–25.00)", "12.3"], line[5..8]);
    }

    [Fact]
    public void A_gallery_says_what_became_right_and_what_changed()
    {
        LabelSet labels = LabelSet.FromNames(["ant", "bee, a bee", "cow", "dog"]);
        GalleryEdit edit = Edit("x") with { Near = new Flips(20, 12, 3, 1, 0) };
        XElement article = Parse(BenchReport.Html(BenchComparison.Of([Run(Paintings())], Few), labels, [edit]))
            .Descendants(X + "article")
            .Single();
        string text = string.Join(' ', article.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        foreach (
            string part in (string[])
                [
                    "dog → bee",
                    "10.0 % before, 90.0 % after",
                    "Also right now: 1 of 3 others",
                    "1 of 300 images",
                    "Nearby, of 12 images that were right 1 became wrong, and of the others 3 became right.",
                    "12 345 numbers changed",
                    "and 1 more",
                    "ant → cow",
                ]
        )
            Assert.Contains(part, text.Replace('\u00a0', ' ').Replace('\u2009', ' '), StringComparison.Ordinal);
        Assert.Equal(
            ["AQID", "BA==", "BQ==", "Bg=="],
            article.Descendants(X + "img").Select(i => ((string)i.Attribute("src")!).Split(',')[1])
        );
    }
}
