using System.Text;
using Retouch.Formats;

namespace Retouch.Reports;

/// <summary>
/// A comparison of methods as one HTML file that loads nothing, with its figures and their numbers beside it.
/// </summary>
public static class BenchReport
{
    /// <summary>The report's name in a run's folder.</summary>
    public const string FileName = "report.html";

    /// <summary>The whole page. The same comparison, labels and gallery give the same text.</summary>
    /// <param name="comparison">What to report.</param>
    /// <param name="labels">The names of the model's classes; null to number them.</param>
    /// <param name="gallery">Edits to show; may be empty.</param>
    public static string Html(
        BenchComparison comparison,
        LabelSet? labels = null,
        IReadOnlyList<GalleryEdit>? gallery = null
    ) => new ReportPage(comparison, labels, gallery ?? []).ToString();

    /// <summary>
    /// Writes the page, and each figure as <c>.svg</c> and <c>.csv</c> into a folder beside it, <c>report-files</c> for
    /// <c>report.html</c>. Each file is written atomically, the page last.
    /// </summary>
    /// <param name="path">The page's path.</param>
    /// <param name="comparison">What to report.</param>
    /// <param name="labels">The names of the model's classes; null to number them.</param>
    /// <param name="gallery">Edits to show; may be empty.</param>
    /// <param name="overwrite">Whether a page that is there may be replaced.</param>
    /// <returns>The folder with the figures.</returns>
    /// <exception cref="BadInputException">
    /// A file cannot be written, or the page exists and may not be replaced.
    /// </exception>
    public static string Write(
        string path,
        BenchComparison comparison,
        LabelSet? labels,
        IReadOnlyList<GalleryEdit> gallery,
        bool overwrite
    )
    {
        AtomicFile.CheckWritable(path, overwrite);
        using WriterLock writer = WriterLock.Take(path, "bench report");
        ReportPage page = new(comparison, labels, gallery);
        string folder = Path.Combine(
            Path.GetDirectoryName(Path.GetFullPath(path))!,
            Path.GetFileNameWithoutExtension(path) + "-files"
        );
        OutputFolder.Create(folder);
        foreach (ReportFigure figure in page.AllFigures)
        {
            figure.Whole().Save(Path.Combine(folder, figure.Id + ".svg"), overwrite: true);
            Write(Path.Combine(folder, figure.Id + ".csv"), figure.Csv, overwrite: true);
        }
        Write(path, page.ToString(), overwrite);
        return folder;
    }

    static void Write(string path, string text, bool overwrite) =>
        AtomicFile.Write(path, overwrite, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
