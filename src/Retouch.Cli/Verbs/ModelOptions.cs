using System.CommandLine;
using Retouch.Formats;
using Retouch.Studio;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a model and its classes.</summary>
sealed class ModelOptions
{
    const double NoticeableSeconds = 10;

    readonly Option<string> _model;
    readonly HintOptions _hints;
    readonly Option<string?> _labels = new("--labels")
    {
        Description =
            "The names of its classes: JSON, CSV, or text with one name a line; by default those of a config.json "
            + "beside the model.",
        HelpName = "FILE",
    };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="withLabels">Whether it takes the classes' names.</param>
    /// <param name="required">Whether a model must be given.</param>
    /// <param name="description">What the model is for; null for the usual text.</param>
    public ModelOptions(Command command, bool withLabels = true, bool required = true, string? description = null)
    {
        _model = new("--model")
        {
            Description =
                description
                ?? "The model: safetensors, .pth, .npz, an index of several files, a folder with one of them, or a "
                    + "name on the Hugging Face hub such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k.",
            Required = required,
            HelpName = "MODEL",
        };
        command.Add(_model);
        if (withLabels)
            command.Add(_labels);
        _hints = new HintOptions(command);
    }

    /// <summary>The model as it was named; null where it may be left out and was.</summary>
    public string? Name(ParseResult parsed) => parsed.GetValue(_model);

    /// <summary>
    /// The arguments that name the model and say what its files do not, as a shell takes them: for commands that a
    /// message names.
    /// </summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="anywhere">Whether they are to hold in any folder: by whole paths.</param>
    public string Arguments(ParseResult parsed, bool anywhere = false)
    {
        return string.Join(
            ' ',
            _hints
                .All.Prepend(_model)
                .SelectMany(o =>
                    parsed.GetResult(o) is { Implicit: false, Tokens: [{ Value: string value }] }
                        ? (string[])
                            [o.Name, ShellText.Quote(anywhere && IsFile(o, value) ? Path.GetFullPath(value) : value)]
                        : []
                )
        );

        // A model may be a name on the hub.
        bool IsFile(Option option, string value) =>
            option.HelpName == "FILE" || (option == _model && (File.Exists(value) || Directory.Exists(value)));
    }

    public ModelFile Load(ParseResult parsed, Terminal terminal)
    {
        ModelFile file = Load(parsed.GetRequiredValue(_model), _hints.Read(parsed), terminal);
        try
        {
            OutputGuard.Check(parsed, file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Loads another model of which the same holds that this one's files do not say.</summary>
    public ModelFile Load(string name, ParseResult parsed, Terminal terminal) =>
        Load(name, _hints.Read(parsed), terminal);

    /// <summary>
    /// The same of a model of the same architecture as another: what neither its files nor the user say of it, those of
    /// the other one say.
    /// </summary>
    /// <param name="name">What the user calls it by.</param>
    /// <param name="parsed">What the user says of both.</param>
    /// <param name="like">The other one.</param>
    /// <param name="terminal">Where it is said.</param>
    public ModelFile LoadLike(string name, ParseResult parsed, ModelFile like, Terminal terminal)
    {
        ModelFile file = Load(name, parsed, terminal);
        VitTraits traits = like.Model.Config.Traits;
        if (file.Model.Config.Traits == traits)
            return file;
        file.Dispose();
        ModelHints hints = _hints.Read(parsed);
        return Load(name, hints with { Traits = hints.Traits.Or(traits) }, terminal);
    }

    /// <summary>Loads a model that a user named in some option, and says how it was understood.</summary>
    /// <param name="name">What the user calls it by.</param>
    /// <param name="hints">What the user says of it.</param>
    /// <param name="terminal">Where it is said.</param>
    /// <param name="prefix">What stands before the names of the options that take those hints.</param>
    public static ModelFile Load(string name, ModelHints hints, Terminal terminal, string prefix = "")
    {
        ModelFile file = ModelFile.Load(ModelSource.Resolve(name, terminal), hints);
        try
        {
            VitConfig config = file.Model.Config;
            terminal.Note(
                $"model: {file.Path}, {file.Kind} under the names of "
                    + file.Scheme.Name
                    + (file.Prefix.Length > 0 ? $", prefix {file.Prefix}" : "")
                    + (
                        file.LabelsSource is string source
                            ? $", class names from {source} unless --labels gives them"
                            : ""
                    )
            );
            if (file.Assumptions.Count > 0)
            {
                IEnumerable<string> assumed = file.Assumptions.Select(a =>
                    $"{a.What} (--{prefix}{a.Option} {a.Value})"
                );
                terminal.Warn($"assumed, as no file states it: {string.Join(", ", assumed)}", "model");
            }
            foreach (string note in file.Notes)
                terminal.Warn(note);
            VitCost cost = VitCost.Of(config);
            if (hints.ImageSize is not null && cost.Seconds > NoticeableSeconds)
                terminal.Warn($"at an image size of {config.ImageSize} an image takes {cost} on this machine");
            terminal.Detail(
                $"model: ViT with {config.Depth} blocks, width {config.Width}, {config.Heads} heads, patches of "
                    + $"{config.PatchSize}, images of {config.ImageSize}, {config.Classes} classes, "
                    + $"{config.Activation}, norm epsilon {config.NormEpsilon}, {config.Pooling} pooling; fingerprint "
                    + $"{file.Model.Fingerprint}"
            );
            if (!config.HasPlainBlocks)
                terminal.Detail(
                    "model: its blocks are not a plain ViT's, which kernels are for: all passes are libtorch's, "
                        + "in float32"
                );
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Says how images become pixels, since a wrong choice shows in nothing but wrong answers.</summary>
    public static void PrintPreprocessing(ModelFile file, Terminal terminal) =>
        terminal.Note(ModelNotes.Preprocessing(file));

    /// <summary>Says of images that a viewer shows turned that they are not, where they are not.</summary>
    public static void PrintTurned(IReadOnlyList<string> images, ModelFile file, Terminal terminal)
    {
        if (ModelNotes.Turned(images, file) is string turned)
            terminal.Note(RemedyText.Note(turned, ModelNotes.TurnThem));
    }

    /// <summary>The file of the classes' names that the user gave; null for none.</summary>
    public string? LabelFile(ParseResult parsed) => parsed.GetValue(_labels);

    /// <summary>
    /// The names of the model's classes: of the file given, else of one beside the model, else numbers.
    /// </summary>
    public LabelSet Labels(ParseResult parsed, ModelFile model) => ModelLabels.Of(model, LabelFile(parsed));
}
