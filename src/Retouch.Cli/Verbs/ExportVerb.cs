using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>export</c>: writes a model for another program, with patches applied.</summary>
sealed class ExportVerb : Verb
{
    const string Onnx = "onnx";

    static readonly string[] Formats = [.. ModelExport.Formats, Onnx];

    readonly ModelOptions _model;
    readonly Option<string> _format = new("--format")
    {
        Description = $"For whom: {string.Join(", ", Formats)}.",
        Required = true,
        HelpName = "NAME",
    };
    readonly PatchOptions _patches;
    readonly Option<string> _out = new("--out")
    {
        Description =
            "A file that ends in .safetensors or .onnx, or a folder, which gets a config.json beside the weights; "
            + "of transformers' families that of the model, brought up to date.",
        Required = true,
        HelpName = "PATH",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace existing files." };

    public ExportVerb()
        : base(
            "export",
            "Write a model, with patches applied, for timm, transformers, torchvision or an ONNX runtime.",
            reports: true
        )
    {
        _model = new ModelOptions(this);
        Require<string>(_format, Formats.Contains, $"one of {string.Join(", ", Formats)}");
        Add(_format);
        _patches = new PatchOptions(this, required: false);
        Add(_out);
        Add(_overwrite);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        (string output, string format, bool overwrite) = (
            parsed.GetRequiredValue(_out),
            parsed.GetRequiredValue(_format),
            parsed.GetValue(_overwrite)
        );
        if (format == Onnx)
        {
            OutputName.Require(output, "an ONNX file", ".onnx");
            AtomicFile.CheckWritable(output, overwrite);
        }
        // An existing file under another name is refused as one, below.
        else if (!File.Exists(output))
            OutputName.RequireModel(output);
        using ModelFile file = _model.Load(parsed, terminal);
        if (
            Directory.Exists(output)
            && file.Files.Any(f => FileIdentity.Same(output, Path.GetDirectoryName(Path.GetFullPath(f))!))
        )
            throw new BadInputException(
                $"{output} is the folder that the model lies in, whose files would be replaced; give another for --out."
            );
        LabelSet labels = _model.Labels(parsed, file);
        using PatchStack stack = _patches.Load(parsed, file);
        using VitModel? edited = stack.Paths.Length > 0 ? PatchLedger.Apply(file.Model, stack.Patches) : null;
        VitModel model = edited ?? file.Model;
        PatchVerdict? verdict = edited is null
            ? null
            : _patches.Verify(parsed, stack, edited, file, labels, cancellation);
        if (verdict is { Write: false })
        {
            verdict.Print(terminal);
            return verdict.ExitCode;
        }
        cancellation.ThrowIfCancellationRequested();
        IReadOnlyList<string> files = [output];
        IReadOnlyList<AppliedPatches> applied = BuiltModel.Describe(file, model, stack.Files);
        Dictionary<string, string?> texts = new() { [AppliedPatches.Key] = AppliedPatches.Text(applied) };
        if (format == Onnx)
        {
            texts[AppliedPatches.Key] = AppliedPatches.OnnxText(applied);
            OnnxExport.Write(model, file.Preprocessing, labels, texts, output, overwrite);
        }
        else if (ModelExport.KeepsNames(format, file))
            files = ModelExport.WriteAsItCame(file, model, labels, texts, output, overwrite);
        else
        {
            NamingScheme scheme = ModelExport.Find(format, model);
            foreach (string note in ModelExport.Notes(model.Config, scheme))
                terminal.Note($"note: {note}");
            files = ModelExport.Write(model, scheme, file.Preprocessing, labels, texts, output, overwrite);
        }
        verdict?.Print(terminal);
        terminal.Object(
            new ExportJson(files, format, model.Fingerprint, stack.Paths, format == Onnx ? OnnxExport.Opset : null),
            JsonOutput.Default.ExportJson
        );
        terminal.Line(
            $"{string.Join(", ", files)}: {file.Path}{stack.Text}, for "
                + $"{format}{(format == Onnx ? $" (opset {OnnxExport.Opset})" : "")}"
        );
        return verdict?.ExitCode ?? App.Ok;
    }
}
