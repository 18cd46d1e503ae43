using System.Globalization;
using System.Text;
using System.Text.Json;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>
/// A check as one page of HTML, which loads nothing: whether criteria hold, accuracy by class, what is confused with
/// what, calibration, and the mistakes with their pictures, which a click on a cell of the confusion table filters.
/// </summary>
sealed class CheckPage
{
    const int Side = 160;
    const int Tiny = 64;
    const int MostCells = 40;
    const int LargestMatrix = 20;
    const int MostImages = 20;

    // As many as the style sheet has.
    const int Heats = 6;

    // So narrow that its text can still be read on a phone.
    const double PlotWidth = 430;

    readonly CheckPageContent _content;
    readonly CheckSummary _summary;
    readonly ReportText _text;
    readonly IReadOnlyList<CheckedImage> _shown;

    CheckPage(CheckPageContent content)
    {
        (_content, _summary) = (content, content.Summary);
        _text = new ReportText(content.Labels);
        _shown = ShownMistakes.Of(_summary, content.Thumbnails);
    }

    /// <summary>Writes the page, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What it shows.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="progress">Told the number of pictures done, or null to ignore.</param>
    /// <param name="cancellation">Stops between pictures; nothing is written then.</param>
    /// <returns>How many mistakes it shows with their picture.</returns>
    /// <exception cref="BadInputException">The file cannot be written, or an image has vanished.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static int Write(
        string path,
        CheckPageContent content,
        bool overwrite,
        IProgress<int>? progress,
        CancellationToken cancellation
    )
    {
        CheckPage page = new(content);
        AtomicFile.Write(path, overwrite, stream => page.Write(stream, progress, cancellation));
        return page._shown.Count;
    }

    void Write(Stream stream, IProgress<int>? progress, CancellationToken cancellation)
    {
        using StreamWriter html = new(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        html.Write(Head().ToString().ReplaceLineEndings("\n"));
        int done = 0;
        // One at a time: all pictures together may be more than memory should hold twice.
        foreach (CheckedImage image in _shown)
        {
            cancellation.ThrowIfCancellationRequested();
            html.Write(Card(image).ToString().ReplaceLineEndings("\n"));
            progress?.Report(++done);
        }
        html.Write(Tail().ToString().ReplaceLineEndings("\n"));
    }

    Html Head()
    {
        Html style = Html.Trusted(ReportStyle.Css + Resource("CheckPage.css"));
        (string Id, string Title, Html Body)[] sections =
        [
            .. new[]
            {
                ("criteria", "Criteria", Criteria()),
                ("classes", "Class by class", Classes()),
                ("confusions", "What is taken for what", Confusions()),
                ("calibration", "Is it as sure as it is right?", Reliability()),
            }.Where(s => s.Item3.ToString().Length > 0),
        ];
        return Html.Of(
            $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
            <title>{Title()}: check — Retouch</title>
            <style>{style}</style>
            </head>
            <body>
            {Header()}
            <nav aria-label="Contents"><ul>{sections.Select(s =>
                Html.Of($"<li><a href=\"#{s.Id}\">{s.Title}</a></li>")
            )}<li><a href="#mistakes">Mistakes</a></li><li><a href="#facts">What was checked</a></li></ul></nav>
            <main>
            {sections.Select(s => Html.Of($"<section id=\"{s.Id}\"><h2>{s.Title}</h2>\n{s.Body}\n</section>\n"))}
            <section id="mistakes"><h2>Mistakes</h2>
            {MistakesHead()}
            <ul class="sheet">

            """
        );
    }

    Html Tail() =>
        Html.Of(
            $"""
            </ul>
            <p class="empty" id="none" hidden>No picture on this page fits.</p>
            </section>
            <section id="facts"><h2>What was checked</h2>
            <dl>{_content.Facts.Select(f => Html.Of($"<dt>{f.Name}</dt><dd>{f.Value}</dd>"))}</dl>
            </section>
            </main>
            <footer><p>Written by Retouch {StaticPage.Version}. This page loads nothing from anywhere.</p></footer>
            <script>
            const labels = {Html.Trusted(Names())};
            {Html.Trusted(Resource("CheckPage.js"))}
            </script>
            </body>
            </html>

            """
        );

    string Title() =>
        _content.Before is not string before ? _content.Model
        : _content.Model.StartsWith($"{before} with ", StringComparison.Ordinal)
            ? $"{_content.Model}, against the model alone"
        : $"{_content.Model} against {before}";

    Html Header()
    {
        ClassificationScore after = _summary.After;
        ClassificationScore? before = _summary.Before;
        List<(string Value, string Name, string Note)> tiles =
        [
            ($"{Percent(after.Accuracy!.Value.Mean)} %", "accuracy", Against(after.Accuracy, before?.Accuracy)),
        ];
        if (after.TopFiveAccuracy is { } five)
            tiles.Add(($"{Percent(five.Mean)} %", "top-5 accuracy", Against(five, before?.TopFiveAccuracy)));
        if (_summary.Flips is { } flips)
        {
            tiles.Add(
                (ReportText.Count(flips.Fixed), "fixed: wrong before, right now", $"net gain {Signed(flips.NetGain)}")
            );
            tiles.Add(
                (
                    ReportText.Count(flips.Broken),
                    "broken: right before, wrong now",
                    flips.NegativeFlipRate is double rate
                        ? $"{ReportText.Percent(rate, 2)} % of {ReportText.Count(flips.RightBefore)} that were right"
                        : ""
                )
            );
        }
        tiles.Add(
            (
                $"{Percent(after.Calibration.Error)} %",
                "calibration error (ECE)",
                before is null ? "" : $"before {Percent(before.Calibration.Error)} %"
            )
        );
        if (_content.Locality is { } locality)
            tiles.Add(
                (
                    $"{ReportText.Percent(locality.Rate ?? 1, 2)} %",
                    "of other images keep their prediction (LR)",
                    $"{ReportText.Count(locality.Changed)} of {ReportText.Count(locality.Images)} changed"
                )
            );
        return Html.Of(
            $"""
            <header>
            <p class="over">Retouch check · {ReportText.Many(after.Images, "image")} of {ReportText.Many(
                _summary.ByClass.Count,
                "class",
                "classes"
            )}{(_content.Skipped > 0 ? $" · {ReportText.Count(_content.Skipped)} left out" : "")}</p>
            <h1>{Title()}</h1>
            {Verdict()}
            <div class="tiles">{tiles.Select(t =>
                Html.Of($"<div><b>{t.Value}</b><span>{t.Name}</span><em>{t.Note}</em></div>")
            )}</div>
            </header>
            """
        );
    }

    Html Verdict()
    {
        int all = _content.Criteria.Count;
        if (all == 0)
            return Html.Empty;
        int failing = _content.Criteria.Count(c => !c.Holds);
        string holds = all == 1 ? "The criterion holds." : $"All {ReportText.Count(all)} criteria hold.";
        string fails = $"{failing} of {ReportText.Many(all, "criterion", "criteria")} {(failing == 1 ? "does" : "do")}";
        return failing == 0
            ? Html.Of($"<p class=\"verdict yes\"><b>✓ Passed</b> {holds}</p>")
            : Html.Of($"<p class=\"verdict no\"><b>✗ Failed</b> {fails} not hold.</p>");
    }

    Html Criteria() =>
        _content.Criteria.Count == 0
            ? Html.Empty
            : Html.Of(
                $"""
                <div class="scroll criteria"><table>
                <thead><tr><th class="l">Asked</th><th class="l">Measured</th></tr></thead>
                <tbody>{_content.Criteria.Select(Row)}</tbody>
                </table></div>
                """
            );

    Html Row(CriterionResult criterion)
    {
        Html mark = criterion.Holds
            ? Html.Of($"<span class=\"mark yes\">✓ holds</span>")
            : Html.Of($"<span class=\"mark no\">✗ fails</span>");
        return Html.Of(
            $"""
            <tr><td>{mark} {criterion.Bound}<small>{criterion.Name}</small></td>
            <td class="l wrap">{criterion.Measured}{Offending(criterion.Images)}</td></tr>
            """
        );
    }

    Html Offending(IReadOnlyList<CheckedImage> images)
    {
        if (images.Count == 0)
            return Html.Empty;
        int rest = images.Count - MostImages;
        Html more = rest > 0 ? Html.Of($"<li>and {ReportText.Count(rest)} more</li>") : Html.Empty;
        return Html.Of(
            $"""
            <details><summary>{ReportText.Many(images.Count, "image")}</summary>
            <ul class="plain">{images.Take(MostImages).Select(Item)}{more}</ul></details>
            """
        );

        Html Item(CheckedImage i) =>
            Html.Of($"<li><code>{i.FullPath}</code>: {Label(i.Label)}, said {Said(i.After)}</li>");
    }

    Html Classes()
    {
        Html byClass = Groups(_summary.ByClass, "Class");
        Html byFolder = Html.Empty;
        // Of one folder a class they say the same.
        if (_summary.ByFolder.Count != _summary.ByClass.Count)
            byFolder = Html.Of(
                $"""
                <details><summary>{ReportText.Many(_summary.ByFolder.Count, "folder")}</summary>
                {Groups(_summary.ByFolder, "Folder")}</details>
                """
            );
        return Html.Of(
            $"""
            <p>The worst first; a heading sorts, a class filters the mistakes below.</p>
            {byClass}
            {byFolder}
            """
        );
    }

    Html Groups(IReadOnlyList<CheckedGroup> groups, string what)
    {
        bool ranked = _summary.After.InTopFive is not null;
        bool compared = _summary.Flips is not null;
        Html[] headings =
        [
            Heading(what, left: true, rises: true),
            Heading("Images"),
            Heading("Accuracy, %"),
            .. ranked ? (Html[])[Heading("Top-5, %")] : [],
            .. compared
                ? (Html[])[Heading("Before, %"), Heading("Fixed"), Heading("Broken"), Heading("Wrong otherwise")]
                : [],
        ];
        HashSet<int?> pictured = [.. _shown.Select(i => i.Label)];
        return Html.Of(
            $"""
            <div class="scroll tall"><table>
            <thead><tr>{headings}</tr></thead>
            <tbody>{groups.OrderBy(g => g.Accuracy).Select(Line)}</tbody>
            </table></div>
            """
        );

        Html Line(CheckedGroup g)
        {
            Html[] cells =
            [
                Number(g.Images),
                Share(g.Right, g.Images),
                .. g.InTopFive is int hits ? (Html[])[Share(hits, g.Images)] : [],
                .. g.Flips is { } f
                    ? (Html[])[Share(f.RightBefore, g.Images), Number(f.Fixed), Number(f.Broken), Number(f.Otherwise)]
                    : [],
            ];
            return Html.Of($"<tr><td>{Name(g)}</td>{cells}</tr>");
        }

        Html Name(CheckedGroup g) =>
            g.Class is not int c ? Html.Of($"{g.Name}")
            : pictured.Contains(c) ? Html.Of($"<button type=\"button\" data-label=\"{c}\">{Label(c)}</button>")
            : Html.Of($"{Label(c)}");
    }

    // Of numbers the largest come first, of names the first.
    static Html Heading(string text, bool left = false, bool rises = false)
    {
        Html where = Html.Trusted(left ? " class=\"l\"" : "");
        Html first = Html.Trusted(rises ? " data-first=\"up\"" : "");
        return Html.Of($"<th scope=\"col\"{where}{first}><button type=\"button\">{text}</button></th>");
    }

    static Html Number(int value) => Html.Of($"<td data-value=\"{value}\">{ReportText.Count(value)}</td>");

    static Html Share(int part, int all)
    {
        double share = all == 0 ? 0 : (double)part / all;
        return Html.Of($"<td data-value=\"{Invariant(share)}\">{ReportText.Percent(share)}</td>");
    }

    Html Confusions()
    {
        if (_summary.Confusions.Count == 0)
            return Html.Of($"<p>There is no mistake.</p>");
        Confusion[] largest = [.. _summary.Confusions.Take(MostCells)];
        int most = largest[0].Images;
        bool compared = _summary.Flips is not null;
        HashSet<(int, int)> pictured = [.. _shown.Select(i => (i.Label, i.After.Class))];
        Html[] headings =
        [
            Heading("Class", left: true, rises: true),
            Heading("Said", left: true, rises: true),
            Heading("Mistakes", left: true),
            .. compared ? (Html[])[Heading("Before")] : [],
        ];
        return Html.Of(
            $"""
            <p>A click on a cell shows its images below.</p>
            {Matrix(pictured)}
            <div class="scroll tall"><table>
            <thead><tr>{headings}</tr></thead>
            <tbody>{largest.Select(Line)}</tbody>
            </table></div>
            {Rest()}
            """
        );

        Html Line(Confusion c)
        {
            Html bar = Html.Of($"<span class=\"amount\" style=\"width:{Math.Max(90 * c.Images / most, 2)}px\"></span>");
            Html before = c.Before is int was ? Number(was) : Html.Empty;
            return Html.Of(
                $"""
                <tr><td>{Cell(c.Label, c.Said, Label(c.Label), pictured)}</td>
                <td class="l">{Cell(c.Label, c.Said, _text.Class(c.Said), pictured)}</td>
                <td class="l" data-value="{c.Images}">{ReportText.Count(c.Images)}{bar}</td>{before}</tr>
                """
            );
        }

        Html Rest()
        {
            Confusion[] smaller = [.. _summary.Confusions.Skip(MostCells)];
            string cells = ReportText.Many(smaller.Length, "smaller cell");
            string mistakes = ReportText.Many(smaller.Sum(c => c.Images), "mistake");
            string are = smaller.Length == 1 ? "is" : "are";
            return smaller.Length == 0
                ? Html.Empty
                : Html.Of($"<p class=\"note\">{cells} with {mistakes} {are} left out here.</p>");
        }
    }

    static Html Cell(int label, int said, string text, HashSet<(int, int)> pictured) =>
        pictured.Contains((label, said))
            ? Html.Of($"<button type=\"button\" data-label=\"{label}\" data-said=\"{said}\">{text}</button>")
            : Html.Of($"{text}");

    // Of few classes the whole table, which shows symmetries that a list does not.
    Html Matrix(HashSet<(int, int)> pictured)
    {
        int[] rows = [.. _summary.ByClass.Select(c => c.Class!.Value)];
        int[] columns = [.. rows.Union(_summary.Confusions.Select(c => c.Said)).Order()];
        if (columns.Length > LargestMatrix)
            return Html.Empty;
        Dictionary<(int, int), int> cells = _summary.Confusions.ToDictionary(c => (c.Label, c.Said), c => c.Images);
        int most = _summary.Confusions[0].Images;
        Html heads = Html.Join(columns.Select(c => Html.Of($"<th scope=\"col\">{_text.Class(c)}</th>")));
        return Html.Of(
            $"""
            <div class="scroll matrix"><table>
            <thead><tr><th scope="col">class \ said</th>{heads}</tr></thead>
            <tbody>{_summary.ByClass.Select(Line)}</tbody>
            </table></div>
            """
        );

        Html Line(CheckedGroup row) =>
            Html.Of($"<tr><td>{Label(row.Class!.Value)}</td>{columns.Select(c => Square(row, c))}</tr>");

        Html Square(CheckedGroup row, int column)
        {
            if (row.Class == column)
                return Html.Of($"<td class=\"self\">{ReportText.Count(row.Right)}</td>");
            if (!cells.TryGetValue((row.Class!.Value, column), out int images))
                return Html.Of($"<td class=\"none\">0</td>");
            int heat = (Heats * images + most - 1) / most;
            Html cell = Cell(row.Class.Value, column, ReportText.Count(images), pictured);
            return Html.Of($"<td class=\"heat{heat}\">{cell}</td>");
        }
    }

    Html Reliability()
    {
        List<PlotSeries> series = [new("", [new PlotPoint(0, 0), new PlotPoint(1, 1)]) { Muted = true }];
        if (_summary.Before is { } before)
            series.Add(Line("before", before.Calibration, 7));
        series.Add(Line(_summary.Before is null ? "the model" : "now", _summary.After.Calibration, 0));
        SvgPlot plot = new(
            "",
            [
                new XyPanel(
                    "",
                    new PlotAxis("mean probability of what is said")
                    {
                        Min = 0,
                        Max = 1,
                        Percent = true,
                    },
                    new PlotAxis("share that is right")
                    {
                        Min = 0,
                        Max = 1,
                        Percent = true,
                    },
                    series
                ),
            ]
        )
        {
            PanelWidth = PlotWidth,
        };
        string error = ReportText.Percent(_summary.After.Calibration.Error, 2);
        string errorBefore = _summary.Before is { } other
            ? $", before {ReportText.Percent(other.Calibration.Error, 2)} %"
            : "";
        return Html.Of(
            $"""
            <figure><div class="plots one"><div>{Html.Trusted(plot.ToSvg(styled: false))}</div></div>
            <figcaption>Images in {_summary.After.Calibration.Bins.Count} bins of equal width by the probability of the
            class that the model says, with Wilson intervals of 95 %. On the dashed line a model is as often right as it
            says; below it, it is too sure. The calibration error ECE is the mean distance from that line over all images:
            {error} %{errorBefore}.</figcaption></figure>
            """
        );

        static PlotSeries Line(string name, Calibration calibration, int color) =>
            new(
                name,
                [
                    .. calibration
                        .Bins.Where(bin => bin.Images > 0)
                        .Select(bin =>
                        {
                            Estimate accuracy = Wilson.Of(bin.Right, bin.Images);
                            return new PlotPoint(bin.Confidence, accuracy.Mean)
                            {
                                YInterval = (accuracy.Low, accuracy.High),
                                Tip =
                                    $"{name}: {ReportText.Many(bin.Images, "image")}, said "
                                    + $"{Percent(bin.Confidence)} %, right {Percent(accuracy.Mean)} %",
                            };
                        }),
                ]
            )
            {
                Markers = true,
                Color = color,
            };
    }

    Html MistakesHead()
    {
        int wrong = _summary.After.Images - _summary.After.Right;
        if (wrong == 0)
            return Html.Of($"<p>There is none.</p>");
        string left =
            wrong == _shown.Count
                ? ""
                : $" {ReportText.Count(wrong - _shown.Count)} others are left out, so that the page stays small.";
        bool compared = _summary.Flips is not null;
        (string Flip, string Text)[] kinds =
        [
            ("", "All"),
            ("broken", "Broken"),
            ("otherwise", "Wrong otherwise"),
            ("unchanged", "Unchanged"),
        ];
        Html only = compared ? Html.Join(kinds.Select(Only)) : Html.Empty;
        Html byFlip = compared ? Html.Of($"<option value=\"flip\">broken first</option>") : Html.Empty;
        string are = wrong == 1 ? "is" : "are";
        string shown = $"{ReportText.Many(_shown.Count, "picture")} {(_shown.Count == 1 ? "is" : "are")} here";
        return Html.Of(
            $"""
            <p>{ReportText.Many(wrong, "image")} of {ReportText.Count(
                _summary.After.Images
            )} {are} wrong; {shown}.{left}</p>
            <div class="tools">{only}<label>sorted: <select id="order">{byFlip}
            <option value="sure">surest first</option>
            <option value="unsure">least sure first</option>
            <option value="label">by class</option>
            <option value="said">by what is said</option>
            <option value="path">by path</option>
            </select></label>
            <button type="button" class="clear" id="clear" hidden>Show all classes</button>
            <span class="shown" id="shown" role="status"></span></div>
            """
        );

        static Html Only((string Flip, string Text) kind) =>
            Html.Of($"<button type=\"button\" data-only=\"{kind.Flip}\">{kind.Text}</button>");
    }

    Html Card(CheckedImage image)
    {
        byte[] jpeg = Thumbnail.Jpeg(image.FullPath, Side, _content.Orientation);
        RgbImage small = ImageDecoder.Decode(jpeg, image.FullPath);
        Html tiny = Html.Trusted(Math.Max(small.Width, small.Height) < Tiny ? " class=\"tiny\"" : "");
        Html data = Html.Trusted($"data:image/jpeg;base64,{Convert.ToBase64String(jpeg)}");
        Html picture = Html.Of($"<img{tiny} loading=\"lazy\" alt=\"{Label(image.Label)}\" src=\"{data}\">");
        string flip = image.Flip switch
        {
            FlipKind.Broken => "broken",
            FlipKind.Otherwise => "otherwise",
            FlipKind.Unchanged => "unchanged",
            _ => "",
        };
        string was = image.Flip switch
        {
            FlipKind.Broken => $"broken; before {Said(image.Before!)}",
            FlipKind.Otherwise => $"before {Said(image.Before!)}",
            FlipKind.Unchanged => "unchanged",
            _ => "",
        };
        Html badge = was.Length == 0 ? Html.Empty : Html.Of($"<span class=\"flip {flip}\">{was}</span>");
        return Html.Of(
            $"""
            <li class="card" data-label="{image.Label}" data-said="{image.After.Class}" data-flip="{flip}"
            data-probability="{Invariant(
                image.After.Probability
            )}" data-path="{image.FullPath}"><span class="frame">{picture}</span>
            <span class="text"><span class="said">{_text.Class(image.After.Class)} <i>{Percent(
                image.After.Probability
            )} %</i></span>
            <span class="not">is {Label(image.Label)}</span>{badge}
            <span class="path" title="{image.FullPath}">{image.Folder}/{Path.GetFileName(image.Path)}</span></span></li>

            """
        );
    }

    string Label(int label) => ReportText.ClassName(_content.ClassNames[label]);

    string Said(RankedAnswer answer) => $"{_text.Class(answer.Class)} {Percent(answer.Probability)}\u00A0%";

    // Only of the classes that the page filters by: a model may have many thousands.
    string Names()
    {
        Dictionary<string, string> names = _shown
            .Select(i => (i.After.Class, _text.Class(i.After.Class)))
            .Concat(_shown.Select(i => (i.Label, Label(i.Label))))
            .GroupBy(c => c.Item1)
            .ToDictionary(g => g.Key.ToString(CultureInfo.InvariantCulture), g => g.Last().Item2);
        // As the serializer escapes by itself, no text ends the script.
        return JsonSerializer.Serialize(names, CheckPageJson.Default.DictionaryStringString);
    }

    static string Against(Estimate? after, Estimate? before) =>
        $"95 %: {ReportText.Interval(after!.Value)}" + (before is { } b ? $"; before {Percent(b.Mean)} %" : "");

    static string Signed(int value) =>
        value > 0 ? $"+{value}"
        : value < 0 ? $"−{-value}"
        : "0";

    static string Percent(double share) => ReportText.Percent(share);

    static string Invariant(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    static string Resource(string name)
    {
        using Stream stream = typeof(CheckPage).Assembly.GetManifestResourceStream($"Retouch.Reports.{name}")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
