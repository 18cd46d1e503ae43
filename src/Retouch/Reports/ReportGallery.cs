using System.Globalization;
using System.Text;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>The gallery of a report.</summary>
sealed class ReportGallery(ReportText text, IReadOnlyList<GalleryEdit> edits)
{
    const int Strongest = 10;

    public Html Section()
    {
        if (edits.Count == 0)
            return Html.Empty;
        return Html.Of(
            $"""
            <p>Of each group the edit of median GR, and of these {ReportText.Many(
                edits.Count,
                "edit"
            )} evenly from the group that generalizes least to the one that does most: neither the best nor the worst
            that there are. All by <code>{string.Join(
                "; ",
                edits.Select(e => e.Setting).Distinct()
            )}</code>.</p>
            <p class="note">What carried an edit: on the way from the old weights to the new ones, the margin between
            the right and the wrong class grows at each token by the gradient there times what the change of weights
            adds there, and so for each unit; summed over the way this is each token's and each unit's share of the gain
            (integrated gradients over the weights), and the shares sum to the whole. Orange helped, blue harmed, as
            strongly as the patch's share. The [CLS] token has no place on the image, so its share is a number.</p>
            {edits.Select(Edit)}
            """
        );
    }

    Html Edit(GalleryEdit e) =>
        Html.Of(
            $"""
            <article class="edit">
            <h3><s>{text.Class(e.Image.Before)}</s> → {text.Class(e.Image.After)}{(
                e.Success ? "" : ", still wrong"
            )}</h3>
            <p class="dim">{text.Group(e.Group)} · <code>{e.Image.Path}</code></p>
            <div class="pair">
            <div>{Picture(
                e.Image.Jpeg,
                $"{e.Image.Path}, {text.Class(e.Image.Before)} before, {text.Class(e.Image.After)} after"
            )}<span>the edited image</span></div>
            {Heat(e)}
            <div class="facts">
            <p>{text.Class(e.Label)}: {ReportText.Percent(e.Probability.Before)} % before, <b>{ReportText.Percent(
                e.Probability.After
            )} %</b> after</p>
            <div class="bar"><i style="width:{SvgText.Number(
                100 * e.Probability.After
            )}%"></i><u style="width:{SvgText.Number(100 * e.Probability.Before)}%"></u></div>
            <p>Also right now: <b>{e.Fixed.Count} of {e.Fixed.Count
                + e.Unfixed.Count}</b> others of its group.{Locality(e)}{Near(e)}</p>
            <p>{ReportText.Many(e.Steps, "step")}; {Size(e)}.</p>
            {Margin(e)}
            </div>
            </div>
            {Thumbnails("Right with it", e.Fixed, "thumbs", caption: false)}
            {Thumbnails("Still wrong", e.Unfixed, "thumbs faded", caption: false)}
            {Thumbnails("Changed elsewhere", e.Changed, "thumbs wide", caption: true)}
            {Units(e)}
            </article>

            """
        );

    static string Locality(GalleryEdit e) =>
        e.LocalityImages == 0
            ? ""
            : $" Elsewhere {e.Changed.Count} of {ReportText.Count(e.LocalityImages)} images changed their class.";

    static string Near(GalleryEdit e) =>
        e.Near is not { } near
            ? ""
            : $" Nearby, of {ReportText.Many(near.RightBefore, "image")} that were right "
                + $"{ReportText.Count(near.Broken)} became wrong, and of the others "
                + $"{ReportText.Count(near.Fixed)} became right.";

    static string Size(GalleryEdit e) =>
        e.Matrices.Count == 0
            ? $"{ReportText.Count(e.Parameters)} numbers changed"
            : $"{ReportText.Count(e.Matrices.Sum(m => m.Units.Count))} units touched";

    static Html Heat(GalleryEdit e) =>
        e.Heat is not { } heat || e.Contribution is not { } c
            ? Html.Empty
            : Html.Of(
                $"""<div>{Picture(heat, "the same image, patches coloured by their share of the gain")}<span>where the edit acts: patches {Share(c.Patches.Sum(), c)}, {(c.Tokens.Count > c.Patches.Count ? $"[CLS] {Share(c.Tokens.Sum() - c.Patches.Sum(), c)} " : "")}of the gain</span></div>"""
            );

    static Html Margin(GalleryEdit e) =>
        e.Contribution is not { } c
            ? Html.Empty
            : Html.Of(
                $"<p>Margin of right over wrong: {ReportText.Signed(c.Before)} → {ReportText.Signed(c.After)}. The "
                    + $"{Strongest} strongest units carry "
                    + $"{Share(c.Units.SelectMany(u => u).OrderDescending().Take(Strongest).Sum(), c)} of the gain.</p>"
            );

    static string Share(double part, EditContribution c)
    {
        double whole = c.Tokens.Sum();
        return Math.Abs(whole) < 1e-9
            ? "none"
            : (part / whole < 0 ? "−" : "")
                + Math.Abs(100 * part / whole).ToString("0", CultureInfo.InvariantCulture)
                + " %";
    }

    Html Thumbnails(string title, IReadOnlyList<GalleryPicture> pictures, string style, bool caption)
    {
        if (pictures.Count == 0)
            return Html.Empty;
        GalleryPicture[] shown = [.. pictures.Where(p => p.Jpeg.Length > 0)];
        return Html.Of(
            $"""
            <h4>{title} <span class="dim">· {pictures.Count}</span></h4>
            <ul class="{style}">{shown.Select(p =>
                Html.Of(
                    $"<li>{Picture(p.Jpeg, $"{p.Path}: {text.Class(p.Before)} → {text.Class(p.After)}")}{(caption ? Html.Of($"{text.Class(p.Before)} → <em>{text.Class(p.After)}</em>") : Html.Empty)}</li>"
                )
            )}{(
                shown.Length < pictures.Count
                    ? Html.Of($"<li class=\"more\">and {pictures.Count - shown.Length} more</li>")
                    : Html.Empty
            )}</ul>
            """
        );
    }

    static Html Picture(ReadOnlyMemory<byte> jpeg, string what) =>
        Html.Of(
            $"""<img src="data:image/jpeg;base64,{Convert.ToBase64String(jpeg.Span)}" alt="{what}" title="{what}" loading="lazy"/>"""
        );

    static Html Units(GalleryEdit e)
    {
        if (e.Contribution is not { } c || e.Matrices.Count == 0)
            return Html.Empty;
        double most = Math.Max(
            e.Matrices.SelectMany(m => m.Contributions).Select(Math.Abs).DefaultIfEmpty().Max(),
            1e-12
        );
        return Html.Of(
            $"""
            <h4>Units that carried it <span class="dim">· a line a touched unit, in its place in the matrix; as long as
            its share, up where it helped</span></h4>
            <div class="units">{e.Matrices.Select(m =>
                Html.Of(
                    $"<span>{Name(m.Name)}</span>{Strip(m, most)}<b title=\"share of the gain\">{Share(m.Contributions.Sum(), c)}</b>\n"
                )
            )}</div>
            """
        );
    }

    static Html Strip(GalleryMatrix matrix, double most)
    {
        StringBuilder up = new();
        StringBuilder down = new();
        foreach ((int unit, double value) in matrix.Units.Zip(matrix.Contributions))
        {
            string length = SvgText.Number(Math.Max(Math.Abs(value) / most, 0.04) * 12);
            (value >= 0 ? up : down).Append(
                CultureInfo.InvariantCulture,
                $"M{unit}.5 0v{(value >= 0 ? "-" : "")}{length}"
            );
        }
        string box = $"0 -13 {matrix.Hidden} 26";
        return Html.Of(
            $"""<svg viewBox="{box}" preserveAspectRatio="none" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{matrix.Name}"><title>{matrix.Name}: {ReportText.Many(matrix.Units.Count, "unit")} of {matrix.Hidden}</title><path d="M0 0H{matrix.Hidden}" class="rp-axis" stroke-width="1" stroke-opacity=".35" vector-effect="non-scaling-stroke"/><path class="up" d="{up.ToString()}" stroke-width="1.2" fill="none" vector-effect="non-scaling-stroke"/><path class="down" d="{down.ToString()}" stroke-width="1.2" fill="none" vector-effect="non-scaling-stroke"/></svg>"""
        );
    }

    static string Name(string name) =>
        name.Split('.') is ["blocks", string block, "mlp", string matrix, "weight"] ? $"blocks.{block} {matrix}" : name;
}
