using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What to check a model on, against what, and by which criteria. Immutable.</summary>
public sealed record CheckRequest
{
    /// <summary>
    /// The labelled images: folders of images in folders that are called by their classes, benchmarks, lists of
    /// confirmed images, and tables of paths and classes.
    /// </summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>The folders from which the paths of lists go on; none for each list's own.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>A file that says what other names of folders and classes mean; null for what they are.</summary>
    public string? Accepted { get; init; }

    /// <summary>A file of the classes' names; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }

    /// <summary>Patches of the model, which are applied together; the model without them is compared with.</summary>
    public IReadOnlyList<string> Patches { get; init; } = [];

    /// <summary>
    /// Another model to compare with; null for the one without the patches, or where there are none for nothing.
    /// </summary>
    public string? Against { get; init; }

    /// <summary>What the model must hold to.</summary>
    public CheckCriteria Criteria { get; init; } = new();

    /// <summary>
    /// A file of what the models say of every image, from which an interrupted check goes on; null to keep nothing.
    /// </summary>
    public string? Rows { get; init; }

    /// <summary>
    /// The part of the images that is asked about, for <see cref="CheckUseCase.RunPart"/>; <see cref="Rows"/> names the
    /// whole check's answers, beside which the part's are kept.
    /// </summary>
    public Shard Shard { get; init; } = Shard.Whole;

    /// <summary>Whether to go on with what is in <see cref="Rows"/>.</summary>
    public bool Resume { get; init; }

    /// <summary>
    /// The folder of an <see cref="AnswerIndex"/>: what is in it is not asked again, and answers are added; null for
    /// none.
    /// </summary>
    public string? Index { get; init; }

    /// <summary>Whether files that are there may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>The page to write (HTML); null for none.</summary>
    public string? Page { get; init; }

    /// <summary>How many mistakes the page shows with their picture at most.</summary>
    public int Thumbnails { get; init; } = 300;

    /// <summary>The JUnit file to write, with a test case a criterion; null for none.</summary>
    public string? JUnit { get; init; }

    /// <summary>The list of mistakes to write (CSV), which can be read like one of images; null for none.</summary>
    public string? Mistakes { get; init; }

    /// <summary>Checks what can be checked without the model.</summary>
    /// <exception cref="BadInputException">A criterion is out of range, or a file cannot be written.</exception>
    public void Validate()
    {
        Criteria.Validate();
        if (Thumbnails < 0)
            throw BadInput.OutOfRange(null, $"{Thumbnails} pictures cannot be shown; the number is at least 0.");
        if (JUnit is not null && Criteria.AskNothing)
            throw BadInput.Missing(
                JUnit,
                $"{JUnit} would hold a test case for each criterion, but there is none.",
                Remedy.Option(Parameter.Criteria)
            );
        Require(Page, "a web page", Parameter.Page, ".html", ".htm");
        Require(JUnit, "an XML file", Parameter.JUnit, ".xml");
        Require(Mistakes, "a table", Parameter.Mistakes, ".csv");
        if (Rows is not null)
            OutputName.Require(Rows, "a file of JSON lines", ".jsonl");
        string[] outputs = [.. new[] { Page, JUnit, Mistakes, Rows }.OfType<string>().Select(Path.GetFullPath)];
        if (outputs.GroupBy(o => o).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw BadInput.Ambiguous(twice.Key, $"{twice.Key} is to hold two results; name a file for each.");
        // A list may be the only record of what was promised.
        IEnumerable<string> read =
        [
            .. Images,
            .. Criteria.FixedAmong,
            .. Criteria.MustBeRight,
            .. Patches,
            .. new[] { Accepted, LabelFile }.OfType<string>(),
        ];
        foreach (string input in read.Select(r => ImageFolder.IsList(r, out string list) ? list : r).Where(File.Exists))
        {
            if (outputs.FirstOrDefault(o => File.Exists(o) && FileIdentity.Same(o, input)) is string lost)
                throw BadInput.Mismatch(
                    lost,
                    $"{lost} is {input} itself, which is read and would be lost; give another name."
                );
        }

        void Require(string? path, string content, Parameter output, params string[] endings)
        {
            if (path is null)
                return;
            OutputName.Require(path, content, output, endings);
            AtomicFile.CheckWritable(path, Overwrite);
        }
    }
}
