using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>apply</c>: puts patches into a model file.</summary>
sealed class ApplyVerb : Verb
{
    readonly ModelOptions _model;
    readonly Option<string[]> _patches = new("--patch") { Description = "A patch, or several to stack.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string?> _onnx = new("--onnx") { Description = "An ONNX file of this very model, unedited, that someone exported: the patch is put into its weights, whatever they are called there.", HelpName = "FILE" };
    readonly Option<string> _out = new("--out") { Description = "The model file to write; with --onnx the ONNX file.", Required = true, HelpName = "FILE" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };

    public ApplyVerb() : base("apply", "Write a model file with patches applied, under the names that it came in.", reports: false)
    {
        _model = new ModelOptions(this, withLabels: false);
        Add(_patches);
        Add(_onnx);
        Add(_out);
        Add(_overwrite);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        bool overwrite = parsed.GetValue(_overwrite);
        AtomicFile.CheckWritable(output, overwrite);
        string[] paths = parsed.GetRequiredValue(_patches);
        List<Patch> patches = [];
        Dictionary<string, Tensor> edited = [];
        try
        {
            using ModelFile file = _model.Load(parsed, terminal);
            foreach (string path in paths)
            {
                patches.Add(PatchFile.Load(path));
                patches[^1].RequireModel(file.Model, path);
            }
            Overlaps.Print(terminal, paths, patches);
            cancellation.ThrowIfCancellationRequested();
            edited = PatchLedger.Edited(file.Model, patches);
            if (parsed.GetValue(_onnx) is string served)
            {
                foreach ((string weight, string name) in OnnxPatcher.Write(served, output, edited.ToDictionary(e => e.Key, e => file.Model.Tensors[e.Key]), edited, overwrite))
                    terminal.Detail($"{weight} is {name}");
                terminal.Line($"{output}: {served} with {(patches.Count == 1 ? "1 patch" : $"{patches.Count} patches")}, {edited.Count} weights of the model changed");
                return App.Ok;
            }
            file.WriteWith(output, edited, overwrite);
            terminal.Line($"{output}: {file.Path} with {(patches.Count == 1 ? "1 patch" : $"{patches.Count} patches")}, {edited.Count} of {file.Model.Tensors.Count} tensors changed");
            return App.Ok;
        }
        finally
        {
            patches.ForEach(p => p.Dispose());
            foreach (Tensor tensor in edited.Values)
                tensor.Dispose();
        }
    }
}
