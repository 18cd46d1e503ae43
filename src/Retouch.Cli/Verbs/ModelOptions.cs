using System.CommandLine;
using Retouch.Formats;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a model and its classes.</summary>
sealed class ModelOptions
{
    const double NoticeableSeconds = 10;

    readonly Option<string> _model;
    readonly HintOptions _hints;
    readonly Option<string?> _labels = new("--labels") { Description = "The names of its classes: JSON, or text with one name a line; by default those of a config.json beside the model.", HelpName = "FILE" };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="withLabels">Whether it takes the classes' names.</param>
    /// <param name="required">Whether a model must be given.</param>
    /// <param name="description">What the model is for; null for the usual text.</param>
    public ModelOptions(Command command, bool withLabels = true, bool required = true, string? description = null)
    {
        _model = new("--model") { Description = description ?? "The model: safetensors, .pth, .npz, an index of several files, a folder with one of them, or a name on the Hugging Face hub such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k.", Required = required, HelpName = "MODEL" };
        command.Add(_model);
        if (withLabels)
            command.Add(_labels);
        _hints = new HintOptions(command);
    }

    /// <summary>The model as it was named; null where it may be left out and was.</summary>
    public string? Name(ParseResult parsed) => parsed.GetValue(_model);

    public ModelFile Load(ParseResult parsed, Terminal terminal) => Load(parsed.GetRequiredValue(_model), _hints.Read(parsed), terminal);

    /// <summary>Loads a model that a user named in some option, and says how it was understood.</summary>
    public static ModelFile Load(string name, ModelHints hints, Terminal terminal)
    {
        ModelFile file = ModelFile.Load(ModelSource.Resolve(name, terminal), hints);
        try
        {
            Vit.VitConfig config = file.Model.Config;
            terminal.Note($"model: {file.Path}, {file.Kind} under the names of {file.Scheme.Name}{(file.Prefix.Length > 0 ? $", prefix {file.Prefix}" : "")}{(file.Labels is null ? "" : ", class names from config.json beside it unless --labels gives them")}");
            foreach (string note in file.Notes)
                terminal.Note($"warning: {note}");
            Vit.VitCost cost = Vit.VitCost.Of(config);
            if (hints.ImageSize is not null && cost.Seconds > NoticeableSeconds)
                terminal.Note($"warning: at an image size of {config.ImageSize} an image takes {cost} on this machine");
            terminal.Detail($"model: ViT with {config.Depth} blocks, width {config.Width}, {config.Heads} heads, patches of {config.PatchSize}, images of {config.ImageSize}, {config.Classes} classes, "
                + $"{config.Activation}, norm epsilon {config.NormEpsilon}, {config.Pooling} pooling; fingerprint {file.Model.Fingerprint}");
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Says how images become pixels, since a wrong choice shows in nothing but wrong answers.</summary>
    public static void PrintPreprocessing(ModelFile file, Terminal terminal) => terminal.Note(
        $"preprocessing: {file.Preprocessing} ({(file.PreprocessingSource is string source ? $"stated by {source}" : $"usual for {file.Scheme.Name} models; no file states one")})");

    /// <summary>The names of the model's classes: of the file given, else of one beside the model, else numbers.</summary>
    public LabelSet Labels(ParseResult parsed, ModelFile model)
    {
        if (parsed.GetValue(_labels) is not string path)
            return model.Labels ?? LabelSet.Numbered(model.Model.Config.Classes);
        LabelSet labels = LabelSet.Load(path);
        return labels.Count == model.Model.Config.Classes
            ? labels
            : throw new BadInputException($"{path} names {labels.Count} classes, but the model has {model.Model.Config.Classes}.");
    }
}
