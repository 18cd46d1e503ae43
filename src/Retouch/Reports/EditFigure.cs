using System.Text;
using Retouch.Formats;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>
/// A picture of one edit, as SVG that loads nothing: the image, the probabilities before and after, what else
/// became right, what stayed wrong and what changed elsewhere. Light and dark as its reader is.
/// </summary>
static class EditFigure
{
    const int Width = 960;
    const int Margin = 24;
    const int PictureSide = 168;
    const int Thumbnail = 40;
    const int Step = Thumbnail + 6;
    const int RowHeight = 74;
    const int BarHeight = 20;
    const int BarsLeft = 232;
    const int MostThumbnails = (Width - 2 * Margin - 214) / Step;

    /// <summary>Draws an edit.</summary>
    /// <param name="edit">The edit.</param>
    /// <param name="title">What is written above it.</param>
    /// <param name="probabilities">The classes to show, each with its probability before and after, in [0,1].</param>
    /// <param name="labels">The names of the classes, or null for their indices.</param>
    public static string Svg(
        GalleryEdit edit,
        string title,
        IReadOnlyList<(int Class, double Before, double After)> probabilities,
        LabelSet? labels
    )
    {
        int top = 56;
        int rows = top + PictureSide + 34;
        int height = rows + 3 * RowHeight + 2;
        StringBuilder svg = new();
        svg.Append(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 {Width} "
                + $"{height}\" font-family=\"system-ui,sans-serif\" role=\"img\" "
                + $"aria-label=\"{SvgText.Escape(title)}\"><style>{PlotTheme.Css}</style>"
        );
        svg.Append($"<rect class=\"rp-paper\" width=\"{Width}\" height=\"{height}\" rx=\"10\"/>");
        Text(
            svg,
            Margin,
            38,
            PlotTheme.PanelTitleSize,
            SvgText.Fit(title, PlotTheme.PanelTitleSize, Width - 2 * Margin),
            "rp-ink",
            bold: true
        );
        Picture(svg, edit.Image, Margin, top, PictureSide);
        Bars(svg, top, probabilities, labels);

        int others = edit.Fixed.Count + edit.Unfixed.Count;
        Row(svg, rows, $"{edit.Fixed.Count} of {others}", "others of its group became right", edit.Fixed, labels);
        Row(svg, rows + RowHeight, $"{edit.Unfixed.Count} of {others}", "others stayed wrong", edit.Unfixed, labels);
        Row(
            svg,
            rows + 2 * RowHeight,
            $"{edit.Changed.Count} of {edit.LocalityImages}",
            "ordinary images changed class",
            edit.Changed,
            labels
        );
        return svg.Append("</svg>\n").ToString();
    }

    static void Bars(
        StringBuilder svg,
        int top,
        IReadOnlyList<(int Class, double Before, double After)> probabilities,
        LabelSet? labels
    )
    {
        const int column = (Width - BarsLeft - Margin - 40) / 2;
        const int label = 44;
        const int number = 70;
        for (int side = 0; side < 2; side++)
        {
            int left = BarsLeft + side * (column + 40);
            Text(svg, left, top + 16, PlotTheme.TextSize, side == 0 ? "before" : "after", "rp-dim");
            for (int i = 0; i < probabilities.Count; i++)
            {
                (int index, double before, double after) = probabilities[i];
                double share = side == 0 ? before : after;
                double y = top + 34 + i * (BarHeight + 14);
                double room = column - label - number;
                Text(
                    svg,
                    left,
                    y + 16,
                    PlotTheme.TextSize,
                    SvgText.Fit(Name(index, labels), PlotTheme.TextSize, label - 6),
                    "rp-ink",
                    bold: i == 0
                );
                svg.Append(
                    $"<rect class=\"rp-none\" x=\"{left + label}\" y=\"{SvgText.Number(y)}\" "
                        + $"width=\"{SvgText.Number(room)}\" height=\"{BarHeight}\" rx=\"3\" opacity=\"0.5\"/>"
                );
                svg.Append(
                    $"<rect class=\"{(i == 0 ? "rp-c2" : "rp-c1")}\" fill=\"currentColor\" x=\"{left + label}\" "
                        + $"y=\"{SvgText.Number(y)}\" width=\"{SvgText.Number(Math.Max(room * share, 1))}\" "
                        + $"height=\"{BarHeight}\" rx=\"3\"/>"
                );
                Text(
                    svg,
                    left + label + room + 8,
                    y + 16,
                    PlotTheme.TextSize,
                    $"{SvgText.Number(Math.Round(100 * share, 1))} %",
                    "rp-dim"
                );
            }
        }
    }

    static void Row(
        StringBuilder svg,
        int y,
        string count,
        string what,
        IReadOnlyList<GalleryPicture> pictures,
        LabelSet? labels
    )
    {
        Text(svg, Margin, y + 22, PlotTheme.TextSize, count, "rp-ink", bold: true);
        Text(svg, Margin, y + 42, 13, what, "rp-dim");
        GalleryPicture[] shown = [.. pictures.Where(p => !p.Jpeg.IsEmpty).Take(MostThumbnails)];
        for (int i = 0; i < shown.Length; i++)
        {
            int x = Margin + 214 + i * Step;
            Picture(svg, shown[i], x, y, Thumbnail);
            string change =
                shown[i].Before == shown[i].After
                    ? Name(shown[i].Before, labels)
                    : $"{Name(shown[i].Before, labels)}→{Name(shown[i].After, labels)}";
            svg.Append(
                $"<text class=\"rp-dim\" x=\"{x + Thumbnail / 2}\" y=\"{y + Thumbnail + 15}\" font-size=\"13\" "
                    + $"text-anchor=\"middle\">{SvgText.Escape(SvgText.Fit(change, 13, Step))}</text>"
            );
        }
    }

    static void Picture(StringBuilder svg, GalleryPicture picture, int x, int y, int side) =>
        svg.Append(
            $"<image x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" "
                + $"href=\"data:image/jpeg;base64,{Convert.ToBase64String(picture.Jpeg.Span)}\">"
                + $"<title>{SvgText.Escape(picture.Path)}</title></image>"
        );

    static void Text(
        StringBuilder svg,
        double x,
        double y,
        double size,
        string text,
        string style,
        bool bold = false
    ) =>
        svg.Append(
            $"<text class=\"{style}\" x=\"{SvgText.Number(x)}\" y=\"{SvgText.Number(y)}\" "
                + $"font-size=\"{SvgText.Number(size)}\"{(bold ? " font-weight=\"600\"" : "")}>"
                + $"{SvgText.Escape(text)}</text>"
        );

    static string Name(int index, LabelSet? labels) => labels?[index].Name ?? SvgText.Number(index);
}
