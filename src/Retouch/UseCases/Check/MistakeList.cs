using System.Globalization;
using System.Text;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>
/// A check's mistakes as a table (CSV), which is a list of labelled images for the next check: <c>path</c> from the
/// table's folder, <c>class</c>, and what the models say.
/// </summary>
static class MistakeList
{
    /// <summary>Writes the table, atomically.</summary>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Write(string path, CheckSummary summary, LabelSet labels, bool overwrite)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        CsvText csv = new("path", "class", "name", "said", "said_name", "probability", "flip", "before_name");
        foreach (CheckedImage image in summary.Images.Where(i => !i.IsRight))
        {
            string relative = Path.GetRelativePath(folder, image.FullPath).Replace('\\', '/');
            csv.Add(
                // What begins otherwise a table program could take for a formula.
                relative[0] is '.' or '/'
                    ? relative
                    : $"./{relative}",
                string.Join('|', image.Accepted.Select(c => string.Create(CultureInfo.InvariantCulture, $"index:{c}"))),
                summary.ClassNames[image.Label],
                $"index:{image.After.Class.ToString(CultureInfo.InvariantCulture)}",
                labels[image.After.Class].Name,
                Math.Round(image.After.Probability, 6),
                image.Flip?.ToString().ToLowerInvariant(),
                image.Before is null ? null : labels[image.Before.Class].Name
            );
        }
        AtomicFile.Write(path, overwrite, stream => stream.Write(Encoding.UTF8.GetBytes(csv.ToString())));
    }
}
