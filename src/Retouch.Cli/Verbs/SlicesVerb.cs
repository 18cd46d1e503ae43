using System.CommandLine;
using System.Globalization;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Studio;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>slices</c>: where a model fails together, without labels.</summary>
sealed class SlicesVerb : Verb
{
    static readonly SliceSettings Defaults = new();

    readonly ModelOptions _model;
    readonly HintOptions _strongerHints;
    readonly Option<string[]> _images = new("--images")
    {
        Description =
            "The images: folders, archives and lists. Their classes are not looked at, and need not be known.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    readonly Option<string?> _stronger = new("--stronger")
    {
        Description =
            "A stronger model of the same classes: the images are those on which the two disagree, instead of those "
            + "that the model is unsure of, and the lists have its answers as classes.",
        HelpName = "MODEL",
    };
    readonly Option<double> _unsure = new("--unsure")
    {
        Description =
            "The model is unsure of an image if its two largest probabilities differ by less, and of the least sure "
            + "tenth in any case.",
        DefaultValueFactory = _ => Defaults.Unsure,
        HelpName = "P",
    };
    readonly Option<int> _min = new("--min")
    {
        Description = "The fewest images of a slice.",
        DefaultValueFactory = _ => Defaults.Fewest / 2,
        HelpName = "N",
    };
    readonly Option<int> _thumbnails = new("--thumbnails")
    {
        Description = "How many images of a slice the page shows at most; all are in its list.",
        DefaultValueFactory = _ => 24,
        HelpName = "N",
    };
    readonly Option<string?> _locality = new("--locality")
    {
        Description =
            "Ordinary images, which the commands on the page name as those to keep; by default the first of --images.",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out")
    {
        Description = "The page to write (HTML); a list of each slice (CSV) lies in a folder beside it.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace existing files." };

    public SlicesVerb()
        : base(
            "slices",
            "Find, without labels, where a model fails together: images that it is unsure of, or of which a stronger "
                + "model says otherwise, that it sees alike and says the same of. Each slice is one command away from "
                + "its repair.",
            reports: true
        )
    {
        Require<double>(_unsure, p => p is > 0 and <= 1, "a number above 0 and at most 1");
        Require<int>(_min, n => n is >= 2 and <= 1_000_000, "a whole number of at least 2");
        Require<int>(_thumbnails, n => n >= 0, "a whole number of at least 0");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [_images, _stronger, _unsure, _min, _thumbnails, _locality, _seed, _out, _overwrite]
        )
            Add(option);
        _strongerHints = new HintOptions(this, "stronger-");
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        SliceRequest request = new()
        {
            Images = parsed.GetRequiredValue(_images),
            Page = parsed.GetRequiredValue(_out),
            LabelFile = _model.LabelFile(parsed),
            Settings = Defaults with
            {
                Unsure = parsed.GetValue(_unsure),
                Fewest = 2 * parsed.GetValue(_min),
                Seed = parsed.GetValue(_seed),
            },
            Thumbnails = parsed.GetValue(_thumbnails),
            Overwrite = parsed.GetValue(_overwrite),
            Repair = repair => Repair(parsed, repair),
        };
        request.Validate();
        // So that no command names what is not there.
        if (parsed.GetValue(_locality) is string ordinary)
            ImageFolder.Open(ordinary);
        using ModelFile file = _model.Load(parsed, terminal);
        using ModelFile? stronger = parsed.GetValue(_stronger) is string name
            ? ModelOptions.Load(name, _strongerHints.Read(parsed), terminal, "stronger-")
            : null;
        ModelOptions.PrintPreprocessing(file, terminal);
        SliceFindings found = new SliceSearch(file, stronger).Run(request, terminal, cancellation);
        terminal.Warnings(found.Skipped.Select(RemedyText.Of));
        terminal.Object(SlicesJson.Of(found, request), JsonOutput.Default.SlicesJson);
        Print(terminal, found, request, stronger is not null);
        return App.Ok;
    }

    // By whole paths, since a page is looked at, and a command pasted, anywhere.
    string Repair(ParseResult parsed, SliceRepair repair)
    {
        string labels = _model.LabelFile(parsed) is string file
            ? $" --labels {ShellText.Quote(Path.GetFullPath(file))}"
            : "";
        string columns = repair.Column == "class" ? "" : $" --columns label={repair.Column}";
        string locality = parsed.GetValue(_locality) ?? parsed.GetRequiredValue(_images)[0];
        // The columns of --columns are the slice's there.
        if (
            ImageFolder.IsList(locality, out string list)
            && list == locality
            && $"{ListColumns.Usual}" is { Length: > 0 } usual
        )
            locality = $"{list}:{usual}";
        return $"retouch repair {_model.Arguments(parsed, anywhere: true)}{labels} "
            + $"--images {ShellText.Quote(Path.GetFullPath(repair.List))}{columns} "
            + $"--locality {ShellText.Quote(Path.GetFullPath(locality))} --out slice-{repair.Number}.patch";
    }

    static void Print(Terminal terminal, SliceFindings found, SliceRequest request, bool stronger)
    {
        string what = stronger ? "the stronger model says otherwise of" : "the model is unsure of";
        terminal.Line($"{what} {found.Unsure} of {found.Images} images, probably {Short(found.Expected)} mistakes");
        foreach ((FoundSlice slice, int i) in found.Slices.Select((s, i) => (s, i + 1)))
        {
            string perhaps = string.Join(
                ", ",
                slice.Candidates.Select(c => $"{Name(c.Class)} {Short(100 * c.Probability)} %")
            );
            terminal.Line(
                $"  {i, 3}  {slice.Images.Count, 4} images, probably {Short(slice.Expected)} wrong: "
                    + $"{Name(slice.Said)}, perhaps {perhaps}"
            );
            if (slice.Traits.Count > 0)
                terminal.Line($"       {string.Join("; ", slice.Traits)}");
        }
        terminal.Line(
            found.Slices.Count == 0
                ? $"page       {request.Page}: too few of them have something in common"
                : $"page       {request.Page}, with the command that mends each; lists in {request.Lists}"
        );

        string Name(int index) => found.Labels[index].Name.Split(',')[0];
    }

    static string Short(double value) => value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
