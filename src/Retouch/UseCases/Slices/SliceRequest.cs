using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>Where to look for slices, and what to write of them. Immutable.</summary>
public sealed record SliceRequest
{
    /// <summary>The images: folders, archives and lists of them. Their classes are not looked at.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>The page to write (HTML); its lists lie in a folder beside it that is called like it.</summary>
    public required string Page { get; init; }

    /// <summary>A file of the classes' names; null for the model's own.</summary>
    public string? LabelFile { get; init; }

    /// <summary>How images are put together.</summary>
    public SliceSettings Settings { get; init; } = new();

    /// <summary>How many images of a slice the page shows at most.</summary>
    public int Thumbnails { get; init; } = 24;

    /// <summary>Whether existing files may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>How a slice is mended, as a command to show; null to show none.</summary>
    public Func<SliceRepair, string>? Repair { get; init; }

    /// <summary>The folder of the lists.</summary>
    public string Lists => Path.ChangeExtension(Page, null);

    /// <summary>Checks what can be checked without the model.</summary>
    /// <exception cref="BadInputException">A number is out of range, or a file cannot be written.</exception>
    public void Validate()
    {
        Settings.Validate();
        if (Thumbnails < 0)
            throw BadInput.OutOfRange(null, $"{Thumbnails} pictures cannot be shown; the number is at least 0.");
        OutputName.Require(Page, "a web page", ".html", ".htm");
        AtomicFile.CheckWritable(Page, Overwrite);
        if (Lists == Page)
            throw BadInput.Mismatch(
                Page,
                $"{Page} would be the folder of its own lists.",
                Remedy.OutputEnding(".html")
            );
        if (!Overwrite && Directory.Exists(Lists) && Directory.EnumerateFiles(Lists, "*.csv").Any())
            throw BadInput.Exists(Lists, $"{Lists} holds lists already.", Remedy.Overwrite);
    }
}
