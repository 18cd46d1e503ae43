using System.CommandLine;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>prepare</c>: what a method learns from ordinary images before its first edit.</summary>
sealed class PrepareVerb : Verb
{
    // What no method needs by default, by the preparation's own name, and whose window it is for.
    static readonly IReadOnlyDictionary<string, (Func<IPreparation> Create, string Method)> More = new Dictionary<
        string,
        (Func<IPreparation>, string)
    >
    {
        [FisherStatistics.Kind] = (() => new FisherStatistics(), MaskedFineTuning.Definition.Name),
        [OutputStatistics.Kind] = (() => new OutputStatistics(), Kfac.Definition.Name),
    };

    readonly ModelOptions _model;
    readonly BlocksOption _blocks;
    readonly Option<string[]> _images = new("--images")
    {
        Description = "Folders of ordinary images; no labels are needed.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string> _method = new("--method")
    {
        Description =
            "The method to prepare, fisher for that locator, or outputs for a setting of "
            + "kfac; 'retouch methods' lists them.",
        Required = true,
        HelpName = "NAME",
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The file to write; one that is there for this model is left as it is.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Make an existing file anew." };

    public PrepareVerb()
        : base("prepare", "Let a method learn from ordinary images what it needs before its first edit.", reports: true)
    {
        _model = new ModelOptions(this, withLabels: false);
        foreach (Option option in (Option[])[_images, _method, _out])
            Add(option);
        _blocks = new BlocksOption(this);
        Add(_overwrite);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string name = parsed.GetRequiredValue(_method);
        string output = parsed.GetRequiredValue(_out);
        string checkpoint = PrepareUseCase.CheckpointOf(output);
        (Func<IPreparation> Create, string Method)? more = More.TryGetValue(
            name,
            out (Func<IPreparation>, string) found
        )
            ? found
            : null;
        // Messages of the library know a preparation by its own name only.
        Method method = Methods.Find(
            more?.Method ?? Methods.All.FirstOrDefault(m => m.PreparationKind == name)?.Name ?? name
        );
        IPreparation preparation = more is null
            ? method.NewPreparation?.Invoke()
                ?? throw new BadInputException(
                    $"The method {name} needs no preparation; those that do are "
                        + string.Join(
                            ", ",
                            Methods.All.Where(m => m.PreparationKind is not null).Select(m => m.Name).Concat(More.Keys)
                        )
                        + "."
                )
            : more.Value.Create();
        OutputName.Require(output, "a preparation (a safetensors file)", ".safetensors", ".prep");
        bool overwrite = parsed.GetValue(_overwrite);
        bool exists = File.Exists(output) && !overwrite;
        AtomicFile.CheckWritable(output, overwrite: overwrite || exists);
        using WriterLock writer = WriterLock.Take(output, Name);
        using ModelFile file = _model.Load(parsed, terminal);
        SplitVit split = new(file.Model, _blocks.Given(parsed, file.Model) ?? method.Window(file.Model.Config));
        if (exists)
        {
            using Preparation made = Preparation.Load(output);
            if (made.Kind != preparation.Name || !made.Fits(split))
            {
                throw new BadInputException(
                    $"{output} holds the preparation '{made.Kind}', made for the model {made.ModelFingerprint} and "
                        + $"{made.Space}, not '{preparation.Name}' "
                        + $"for the model {file.Model.Fingerprint} and its blocks {split.Space.BlockRange}; give "
                        + "another --out, or replace it with --overwrite."
                );
            }
            ImageFolders again = ImageFolders.Open(parsed.GetRequiredValue(_images));
            if (made.Difference(new PreparationImages(again, file.Preprocessing)) is string difference)
                throw new BadInputException(
                    $"{output} was made of {difference}; give another --out, or replace it with --overwrite."
                );
            terminal.Note($"{output} is there already, made for this model; nothing is learned again");
            // What it came of, where a kill left it; a younger one is the beginning of the next, with --overwrite.
            if (File.GetLastWriteTimeUtc(checkpoint) <= File.GetLastWriteTimeUtc(output))
                AtomicFile.Delete(checkpoint);
            Report(made);
            return App.Ok;
        }
        ModelOptions.PrintPreprocessing(file, terminal);
        ImageFolders folders = ImageFolders.Open(parsed.GetRequiredValue(_images));
        terminal.Warnings(folders.LeftOut);
        PreparationImages images = new(folders, file.Preprocessing);
        using Preparation done = PrepareUseCase.Run(
            preparation,
            split,
            images,
            output,
            overwrite,
            terminal,
            cancellation
        );
        Report(done);
        return App.Ok;

        void Report(Preparation it)
        {
            long bytes = new FileInfo(output).Length;
            terminal.Object(
                new PrepareJson(output, it.Kind, it.ModelFingerprint, it.Space, it.Settings, bytes),
                JsonOutput.Default.PrepareJson
            );
            terminal.Line($"{output}: '{it.Kind}' for {it.Space} ({bytes / 1024.0:0} KiB)");
            terminal.Line($"  model     {it.ModelFingerprint}");
            terminal.Line($"  settings  {string.Join(", ", it.Settings.Select(s => $"{s.Key} {s.Value}"))}");
        }
    }
}
