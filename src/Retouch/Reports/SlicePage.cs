using System.Text;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Reports;

/// <summary>
/// Slices as one page of HTML, which runs no script and loads nothing: what the model says of each, what its images may
/// be instead, how they look, their pictures, and how they are mended.
/// </summary>
static class SlicePage
{
    const int Side = 128;
    const string Percent = "\u00A0%";

    /// <summary>Writes the page, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What it shows.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="progress">Told the number of pictures done, or null to ignore.</param>
    /// <param name="cancellation">Stops between pictures; nothing is written then.</param>
    /// <exception cref="BadInputException">The file cannot be written, or an image has vanished.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Write(
        string path,
        SlicePageContent content,
        bool overwrite,
        IProgress<int>? progress,
        CancellationToken cancellation
    )
    {
        int done = 0;
        ReportText text = new(content.Labels);
        string page = StaticPage.Of(
            $"{content.Model}: slices — Retouch",
            Css(),
            Html.Of(
                $"""
                {Head(content)}
                <main>
                {Overview(content, text)}
                {content.Slices.Select((s, i) => Section(content, s, i + 1, text, Picture))}
                <section id="facts"><h2>What was looked at</h2>
                <dl>{content.Facts.Select(f => Html.Of($"<dt>{f.Name}</dt><dd>{f.Value}</dd>"))}</dl></section>
                </main>
                <footer><p>Written by Retouch {StaticPage.Version}. This page loads nothing from anywhere.</p></footer>
                """
            )
        );
        AtomicFile.Write(path, overwrite, stream => stream.Write(Encoding.UTF8.GetBytes(page)));

        Html Picture(string file, string name)
        {
            cancellation.ThrowIfCancellationRequested();
            string data = Convert.ToBase64String(Thumbnail.Jpeg(file, Side, content.Orientation));
            progress?.Report(++done);
            return Html.Of($"<img loading=\"lazy\" alt=\"{name}\" src=\"data:image/jpeg;base64,{data}\"/>");
        }
    }

    static Html Head(SlicePageContent content)
    {
        string what = content.Stronger is null ? "it is unsure of" : "a stronger model says otherwise of";
        (string, string)[] tiles =
        [
            (ReportText.Count(content.Images), content.Images == 1 ? "image" : "images"),
            (ReportText.Count(content.Unsure), what),
            (ReportText.Count(Math.Round(content.Expected)), "probably mistakes among them"),
            (ReportText.Count(content.Slices.Count), content.Slices.Count == 1 ? "slice" : "slices"),
        ];
        string how = content.Stronger is null
            ? "No label was needed: images that the model is unsure of, sees alike and says the same of."
            : "No label was needed: images of which a stronger model says otherwise, that the model sees alike and "
                + "says the same of.";
        return Html.Of(
            $"""
            <header>
            <p class="over">Retouch slices · {content.Model}{(
                content.Stronger is string better ? $" · beside {better}" : ""
            )}</p>
            <h1>Where this model fails together</h1>
            <p class="lead">{how} Those first of which an edit would mend most.</p>
            <div class="tiles">{tiles.Select(t => Html.Of($"<div><b>{t.Item1}</b><span>{t.Item2}</span></div>"))}</div>
            </header>
            """
        );
    }

    static Html Overview(SlicePageContent content, ReportText text)
    {
        if (content.Slices.Count == 0)
            return Html.Of(
                $"""
                <section id="overview"><h2>Slices</h2>
                <p>There is none: too few images have something in common.</p></section>
                """
            );
        double most = content.Slices.Max(s => s.Expected);
        return Html.Of(
            $"""
            <section id="overview"><h2>Slices</h2>
            <div class="scroll"><table>
            <thead><tr><th class="l">Taken for</th><th class="l">Perhaps</th><th>Images</th><th>Probably wrong</th><th class="hide">Alike</th></tr></thead>
            <tbody>{content.Slices.Select(Row)}</tbody>
            </table></div>
            <p class="note">Probably wrong: {(
                content.Stronger is null
                    ? "over a slice's images, the sum of the probability that the model does not give its answer."
                    : "over a slice's images, the sum of the probability that the stronger model gives its own answer."
            )} Alike: the mean cosine with the slice's centre.</p>
            </section>
            """
        );

        Html Row(ShownSlice slice, int i)
        {
            Html bar = Html.Trusted(
                $"<span class=\"share\" style=\"width:{(int)Math.Round(48 * slice.Expected / most)}px\"></span>"
            );
            string perhaps = slice.Candidates.Count > 0 ? text.Class(slice.Candidates[0].Class) : "–";
            return Html.Of(
                $"""
                <tr><td class="name"><a href="#slice-{i + 1}">{i + 1}. {text.Class(slice.Said)}</a>{Small(slice)}</td>
                <td class="l name">{perhaps}</td><td>{ReportText.Count(slice.Images)}</td>
                <td>{ReportText.Short(slice.Expected)}{bar}</td><td class="hide">{ReportText.Short(
                    slice.Likeness
                )}</td></tr>
                """
            );
        }
    }

    static Html Small(ShownSlice slice) =>
        slice.Traits.Count == 0 ? Html.Empty : Html.Of($"<small>{slice.Traits[0]}</small>");

    static Html Section(
        SlicePageContent content,
        ShownSlice slice,
        int number,
        ReportText text,
        Func<string, string, Html> picture
    )
    {
        string unit = content.Stronger is null
            ? "mean probability, and what images are called that it sees alike and is sure of"
            : "of the stronger model's answers";
        Html perhaps = Html.Join(
            slice.Candidates.Select(
                (c, i) =>
                    Html.Of(
                        $"""
                        {(i == 0 ? "" : ", ")}<b>{text.Class(c.Class)}</b> <span class="dim">{ReportText.Percent(
                            c.Share
                        )} %</span>
                        """
                    )
            )
        );
        Html traits =
            slice.Traits.Count == 0
                ? Html.Empty
                : Html.Of(
                    $"""
                    <ul class="traits" aria-label="What differs">{slice.Traits.Select(t =>
                        Html.Of($"<li>{t}</li>")
                    )}</ul>
                    """
                );
        int rest = slice.Images - slice.Pictures.Count;
        Html more =
            rest > 0 ? Html.Of($"<p class=\"note\">{ReportText.Count(rest)} more are in the list.</p>") : Html.Empty;
        return Html.Of(
            $"""
            <section class="slice" id="slice-{number}">
            <h2><span class="no">{number}</span> Taken for {text.Class(slice.Said)}</h2>
            <p class="perhaps">Perhaps {perhaps} <span class="dim">({unit})</span></p>
            <p class="amounts">{ReportText.Many(
                slice.Images,
                "image"
            )}, probably {ReportText.Short(slice.Expected)} of them wrong</p>
            {traits}
            <ul class="sheet">{slice.Pictures.Select(p => Card(p))}</ul>
            {more}
            {Mend(content, slice, text)}
            </section>
            """
        );

        Html Card(ShownPicture p)
        {
            Html better = p.Stronger is int other
                ? Html.Of(
                    $"<br/><i>{text.Class(other)} {ReportText.Percent(p.StrongerProbability!.Value, 0)}{Percent}</i>"
                )
                : Html.Empty;
            return Html.Of(
                $"""
                <li title="{p.Path}">{picture(p.File, p.Path)}{ReportText.Percent(
                    p.Probability,
                    0
                )}{Percent}{better}</li>
                """
            );
        }
    }

    static Html Mend(SlicePageContent content, ShownSlice slice, ReportText text)
    {
        Html list = Html.Of($"<a href=\"{slice.List}\">{slice.List}</a>");
        if (slice.Commands.Count == 0)
            return Html.Of($"<div class=\"mend\"><p>List: {list}</p></div>");
        return Html.Of(
            $"""
            <div class="mend"><p>{Condition(
                slice.Commands[0].Class
            )} this mends them. A click selects it, and it works from
            any folder; strike out of {list} what does not belong there.</p>
            <code>{slice.Commands[0].Command}</code>
            <details><summary>If they are something else</summary>
            {slice.Commands.Skip(1).Select(c => Html.Of($"<p>{Condition(c.Class)}</p><code>{c.Command}</code>"))}
            </details></div>
            """
        );

        Html Condition(int? label) =>
            label is int known ? Html.Of($"If they are <b>{text.Class(known)}</b>,")
            : content.Stronger is null ? Html.Of($"Of any class, once it is in the list’s column “class”,")
            : Html.Of($"If the stronger model is right,");
    }

    static string Css()
    {
        using Stream stream = typeof(SlicePage).Assembly.GetManifestResourceStream("Retouch.Reports.SlicePage.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
