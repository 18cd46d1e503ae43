using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>
/// A page on which a person confirms what two models disagree about: one HTML file with small copies of the images,
/// which needs no network. Its button saves the <see cref="ConfirmedList"/>.
/// </summary>
public static class ContactSheet
{
    const int ThumbnailSide = 192;
    const string Place = "<!--groups-->";

    /// <summary>Writes the page, atomically.</summary>
    /// <param name="disagreement">What is to be confirmed.</param>
    /// <param name="labels">The classes' names.</param>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="orientation">Which way up the images are shown: as the model sees them.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="cancellation">Stops between images; nothing is written then.</param>
    /// <exception cref="BadInputException">The file cannot be written, or an image has vanished.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Write(
        Disagreement disagreement,
        LabelSet labels,
        string path,
        bool overwrite,
        ImageOrientation orientation = ImageOrientation.Stored,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        string page = Template();
        int place = page.IndexOf(Place, StringComparison.Ordinal);
        int done = 0;
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                using StreamWriter html = new(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
                html.Write(page[..place]);
                html.WriteLine(
                    $"<div data-sheet=\"{Identity(disagreement)}\" data-model=\"{Escape(disagreement.Model)}\" "
                        + $"data-stronger=\"{Escape(disagreement.Stronger)}\">"
                );
                foreach (DisagreementGroup group in disagreement.Groups)
                {
                    html.WriteLine(
                        $"<section data-source=\"{Escape(group.Source)}\" data-class=\"{Escape(group.Class)}\" "
                            + $"data-label=\"{group.Label}\" data-wrong=\"{group.Wrong}\">"
                    );
                    html.WriteLine(
                        $"<div class=\"head\"><h2>{Escape(labels[group.Label].Name)}<small>{Escape(group.Source)}: "
                            + $"{group.Images.Count} images that the model takes for "
                            + $"{Escape(labels[group.Wrong].Name)}</small></h2>"
                            + "<div class=\"all\"><button type=\"button\" data-all=\"1\">Tick all</button><button "
                            + "type=\"button\" data-all=\"0\">Tick none</button></div></div>"
                    );
                    html.WriteLine("<div class=\"grid\">");
                    foreach (DisagreementImage image in group.Images)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        html.WriteLine(
                            $"<label><img loading=\"lazy\" alt=\"{Escape(image.Image.Path)}\" "
                                + $"src=\"data:image/jpeg;base64,{Small(image.FullPath, orientation)}\">"
                                + $"<span><input type=\"checkbox\" data-path=\"{Escape(image.Image.Path)}\" "
                                + $"data-sha256=\"{Escape(image.Image.Sha256)}\">"
                                + $"<small><b>{Escape(Short(labels[group.Label].Name))}</b> "
                                + $"{Percent(image.StrongerProbability)}<br>{Escape(Short(labels[group.Wrong].Name))} "
                                + $"{Percent(image.Probability)}</small></span></label>"
                        );
                        progress?.Report(++done);
                    }
                    html.WriteLine("</div></section>");
                }
                html.Write("</div>");
                html.Write(page[(place + Place.Length)..]);
            }
        );
    }

    static string Small(string path, ImageOrientation orientation) =>
        Convert.ToBase64String(Thumbnail.Jpeg(path, ThumbnailSide, orientation));

    // What ticks are kept under: another page has other boxes.
    static string Identity(Disagreement d) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(
                    string.Join(
                        '\n',
                        d.Groups.SelectMany(g => g.Images.Select(i => $"{g.Label} {g.Wrong} {i.Image.Sha256}"))
                            .Prepend(d.Stronger)
                            .Prepend(d.Model)
                    )
                )
            )
        )[..16];

    static string Short(string name) => name.Split(',')[0];

    static string Percent(double share) => (share * 100).ToString("0", CultureInfo.InvariantCulture) + " %";

    // Not as Html escapes: paths come back from the page, so every character must survive.
    static string Escape(string text) => HtmlEncoder.Default.Encode(text);

    static string Template()
    {
        using Stream stream = typeof(ContactSheet).Assembly.GetManifestResourceStream(
            "Retouch.Benchmarks.ContactSheet.html"
        )!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
