using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>export</c>: writes a model for another program, with patches applied.</summary>
sealed class ExportVerb : Verb
{
    const string Onnx = "onnx";

    static readonly string[] Formats = [.. ModelExport.Formats, Onnx];

    readonly ModelOptions _model;
    readonly Option<string> _format = new("--format") { Description = $"For whom: {string.Join(", ", Formats)}.", Required = true, HelpName = "NAME" };
    readonly Option<string[]> _patches = new("--patch") { Description = "A patch, or several to stack.", AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string> _out = new("--out") { Description = "A file that ends in .safetensors or .onnx, or a folder, which gets a config.json beside the weights.", Required = true, HelpName = "PATH" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace existing files." };

    public ExportVerb() : base("export", "Write a model, with patches applied, for timm, transformers, torchvision or an ONNX runtime.", reports: true)
    {
        _model = new ModelOptions(this);
        Require<string>(_format, Formats.Contains, $"one of {string.Join(", ", Formats)}");
        foreach (Option option in (Option[])[_format, _patches, _out, _overwrite])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        (string output, string format, bool overwrite) = (parsed.GetRequiredValue(_out), parsed.GetRequiredValue(_format), parsed.GetValue(_overwrite));
        if (format == Onnx)
            AtomicFile.CheckWritable(output, overwrite);
        List<Patch> patches = [];
        try
        {
            using ModelFile file = _model.Load(parsed, terminal);
            LabelSet labels = _model.Labels(parsed, file);
            string[] paths = parsed.GetValue(_patches) ?? [];
            foreach (string path in paths)
            {
                patches.Add(PatchFile.Load(path));
                patches[^1].RequireModel(file.Model, path);
            }
            Overlaps.Print(terminal, paths, patches);
            using VitModel? edited = patches.Count > 0 ? PatchLedger.Apply(file.Model, patches) : null;
            VitModel model = edited ?? file.Model;
            cancellation.ThrowIfCancellationRequested();
            IReadOnlyList<string> files = [output];
            if (format == Onnx)
                OnnxExport.Write(model, file.Preprocessing, labels, output, overwrite);
            else
            {
                NamingScheme scheme = ModelExport.Find(format, model);
                foreach (string note in ModelExport.Notes(model.Config, scheme))
                    terminal.Note($"note: {note}");
                files = ModelExport.Write(model, scheme, file.Preprocessing, labels, output, overwrite);
            }
            terminal.Object(new ExportJson(files, format, model.Fingerprint, paths, format == Onnx ? OnnxExport.Opset : null), JsonOutput.Default.ExportJson);
            terminal.Line($"{string.Join(", ", files)}: {file.Path}{(patches.Count == 0 ? "" : patches.Count == 1 ? " with 1 patch" : $" with {patches.Count} patches")}, for {format}{(format == Onnx ? $" (opset {OnnxExport.Opset})" : "")}");
            return App.Ok;
        }
        finally
        {
            patches.ForEach(p => p.Dispose());
        }
    }
}
