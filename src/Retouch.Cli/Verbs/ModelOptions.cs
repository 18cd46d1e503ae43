using System.CommandLine;
using Retouch.Formats;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a model and its classes.</summary>
sealed class ModelOptions
{
    readonly Option<string> _model = new("--model") { Description = "The model, a safetensors file under timm's names.", Required = true, HelpName = "FILE" };
    readonly Option<string?> _labels = new("--labels") { Description = "The names of its classes: JSON, or text with one name a line.", HelpName = "FILE" };

    public ModelOptions(Command command, bool withLabels = true)
    {
        command.Add(_model);
        if (withLabels)
            command.Add(_labels);
    }

    public ModelFile Load(ParseResult parsed, Terminal terminal)
    {
        ModelFile file = ModelFile.Load(parsed.GetRequiredValue(_model));
        terminal.Detail($"model: {file.Path}, ViT with {file.Model.Config.Depth} blocks, width {file.Model.Config.Width}, {file.Model.Config.Heads} heads, patches of {file.Model.Config.PatchSize}, "
            + $"{file.Model.Config.Classes} classes ({file.Scheme.Name} names); fingerprint {file.Model.Fingerprint}");
        return file;
    }

    /// <summary>Says how images become pixels, since a wrong choice shows in nothing but wrong answers.</summary>
    public static void PrintPreprocessing(ModelFile file, Terminal terminal) => terminal.Note(
        $"preprocessing: {file.Preprocessing} ({(file.PreprocessingStated ? "stated by the model file" : $"usual for {file.Scheme.Name} models; the file states none")})");

    public LabelSet Labels(ParseResult parsed, ModelFile model)
    {
        if (parsed.GetValue(_labels) is not string path)
            return LabelSet.Numbered(model.Model.Config.Classes);
        LabelSet labels = LabelSet.Load(path);
        return labels.Count == model.Model.Config.Classes
            ? labels
            : throw new BadInputException($"{path} names {labels.Count} classes, but the model has {model.Model.Config.Classes}.");
    }
}
