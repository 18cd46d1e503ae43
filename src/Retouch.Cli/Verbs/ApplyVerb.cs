using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>apply</c>: puts patches into a model file.</summary>
sealed class ApplyVerb : Verb
{
    readonly ModelOptions _model;
    readonly PatchOptions _patches;
    readonly Option<string?> _onnx = new("--onnx")
    {
        Description =
            "An ONNX file of this very model, unedited, that someone exported: the patch is put into its weights, "
            + "whatever they are called there.",
        HelpName = "FILE",
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The model file to write; with --onnx the ONNX file.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };
    readonly Option<bool> _replace = new("--replace-original")
    {
        Description = "Let --out be the model itself, or the ONNX file: it is replaced, and no copy of it is kept.",
    };

    public ApplyVerb()
        : base("apply", "Write a model file with patches applied, under the names that it came in.", reports: false)
    {
        _model = new ModelOptions(this, withLabels: false);
        _patches = new PatchOptions(this, required: true);
        foreach (Option option in (Option[])[_onnx, _out, _overwrite, _replace])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        string? served = parsed.GetValue(_onnx);
        if (served is null)
            OutputName.RequireModel(output);
        else
            OutputName.Require(output, "an ONNX file", ".onnx");
        bool given = parsed.GetValue(_overwrite);
        bool replace = parsed.GetValue(_replace);
        AtomicFile.CheckWritable(output, given || replace);
        Dictionary<string, Tensor> edited = [];
        try
        {
            using ModelFile file = _model.Load(parsed, terminal);
            string original = served ?? file.Path;
            bool replaces = OutputGuard.Replaces(parsed, output, original);
            bool overwrite = given || replaces;
            AtomicFile.CheckWritable(output, overwrite);
            using PatchStack stack = _patches.Load(parsed, file);
            cancellation.ThrowIfCancellationRequested();
            edited = PatchLedger.Edited(file.Model, stack.Patches);
            PatchVerdict verdict = Verify(parsed, stack, edited, file, cancellation);
            if (!verdict.Write)
            {
                verdict.Print(terminal);
                return verdict.ExitCode;
            }
            cancellation.ThrowIfCancellationRequested();
            if (served is null)
            {
                foreach (string stranger in file.StrangersCards(output))
                    terminal.Note(
                        $"warning: {stranger}, where the result goes, is not this model's; what it says of class "
                            + "names may be taken for it."
                    );
                file.WriteWith(output, edited, overwrite);
                verdict.Print(terminal);
                terminal.Line(
                    $"{output}: {file.Path}{stack.Text}, {edited.Count} of {file.Model.Tensors.Count} tensors changed"
                );
            }
            else
            {
                IReadOnlyDictionary<string, string> names = OnnxPatcher.Write(
                    served,
                    output,
                    edited.ToDictionary(e => e.Key, e => file.Model.Tensors[e.Key]),
                    edited,
                    overwrite
                );
                foreach ((string weight, string name) in names)
                    terminal.Detail($"{weight} is {name}");
                verdict.Print(terminal);
                terminal.Line($"{output}: {served}{stack.Text}, {edited.Count} weights of the model changed");
            }
            if (replaces)
                terminal.Line(
                    $"{original} was replaced by it; no copy of the original was kept, and patches for the original "
                        + "do not fit the new one"
                );
            return verdict.ExitCode;
        }
        finally
        {
            foreach (Tensor tensor in edited.Values)
                tensor.Dispose();
        }
    }

    PatchVerdict Verify(
        ParseResult parsed,
        PatchStack stack,
        IReadOnlyDictionary<string, Tensor> edited,
        ModelFile file,
        CancellationToken cancellation
    )
    {
        using VitModel stored = file.With(edited);
        return _patches.Verify(
            parsed,
            stack,
            stored,
            file,
            file.Labels ?? LabelSet.Numbered(file.Model.Config.Classes),
            cancellation
        );
    }
}
