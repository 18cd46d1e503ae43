using System.CommandLine;
using System.CommandLine.Parsing;
using Retouch.Formats;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>apply</c>: puts patches into a model file.</summary>
sealed class ApplyVerb : Verb
{
    readonly ModelOptions _model;
    readonly PatchOptions _patches;
    readonly Option<string?> _onnx = new("--onnx")
    {
        Description =
            "An ONNX file of this very model that someone exported: the patch is put into its weights, whatever they "
            + "are "
            + "called there. Patches that this command put into it before stay in.",
        HelpName = "FILE",
    };
    readonly Option<string[]> _remove = new("--remove")
    {
        Description = "With --onnx: patches that were put into it before and are to be taken out.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly KeptPatches _kept;
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
        _patches = new PatchOptions(this, required: false);
        foreach (Option option in (Option[])[_onnx, _remove, _out, _overwrite, _replace])
            Add(option);
        _kept = new KeptPatches(this);
        Validators.Add(result =>
        {
            bool removes = result.GetResult(_remove) is { Implicit: false };
            if (removes && result.GetResult(_onnx) is not { Implicit: false })
                result.AddError("--remove is for --onnx; 'retouch revert' takes patches out of other files");
            else if (!removes && !result.Children.OfType<OptionResult>().Any(o => o.Option.Name == _patches.Name))
                result.AddError($"Option '{_patches.Name}' is required.");
        });
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
        using ModelFile file = _model.Load(parsed, terminal);
        string original = served ?? file.Path;
        bool replaces = OutputGuard.Replaces(parsed, output, original);
        bool overwrite = given || replaces;
        AtomicFile.CheckWritable(output, overwrite);
        PatchVerdict verdict = served is null
            ? IntoModel(parsed, terminal, file, output, overwrite, cancellation)
            : IntoOnnx(parsed, terminal, file, served, output, overwrite, cancellation);
        if (replaces && verdict.Write)
            terminal.Line(
                $"{original} was replaced by it; no copy of the original was kept, and patches for the original do not "
                    + "fit the new one"
            );
        return verdict.ExitCode;
    }

    PatchVerdict IntoModel(
        ParseResult parsed,
        Terminal terminal,
        ModelFile file,
        string output,
        bool overwrite,
        CancellationToken cancellation
    )
    {
        using PatchStack stack = _patches.Load(parsed, file);
        cancellation.ThrowIfCancellationRequested();
        using BuiltModel built = BuiltModel.Of(file, stack.Files);
        PatchVerdict verdict = Verify(parsed, stack, built.Model, file, cancellation);
        if (!verdict.Write)
        {
            verdict.Print(terminal);
            return verdict;
        }
        cancellation.ThrowIfCancellationRequested();
        foreach (string stranger in file.StrangersCards(output))
            terminal.Note(
                $"warning: {stranger}, where the result goes, is not this model's; what it says of class names may be "
                    + "taken for it."
            );
        built.Write(output, overwrite);
        verdict.Print(terminal);
        terminal.Line(
            $"{output}: {file.Path}{stack.Text}, {built.Changed.Count} of {file.Model.Tensors.Count} tensors changed"
        );
        return verdict;
    }

    PatchVerdict IntoOnnx(
        ParseResult parsed,
        Terminal terminal,
        ModelFile file,
        string served,
        string output,
        bool overwrite,
        CancellationToken cancellation
    )
    {
        using PatchStack added = new(_patches.Paths(parsed), file.Model);
        using PatchStack removed = new(parsed.GetValue(_remove) ?? [], file.Model);
        using PatchStack others = _kept.Find(
            parsed,
            OnnxBuild.Remaining(served, removed.Files),
            [.. added.Paths, .. removed.Paths, served]
        );
        using OnnxBuild build = OnnxBuild.Of(served, file, removed.Files, added.Files, others.Files);
        PatchStack now = new(build.Patches);
        if (!_patches.Forced(parsed))
            Overlaps.Refuse(now.Paths, now.Patches);
        cancellation.ThrowIfCancellationRequested();
        using VitModel stored = file.With(build.Edited);
        PatchVerdict verdict = Verify(parsed, now, stored, file, cancellation);
        if (!verdict.Write)
        {
            verdict.Print(terminal);
            return verdict;
        }
        cancellation.ThrowIfCancellationRequested();
        foreach ((string weight, string name) in build.Write(output, overwrite))
            terminal.Detail($"{weight} is {name}");
        verdict.Print(terminal);
        terminal.Line(
            $"{output}: {served}{(now.Paths.Length == 0 ? " without patches" : now.Text)}, {build.Edited.Count} "
                + "weights "
                + "of the model changed"
        );
        return verdict;
    }

    PatchVerdict Verify(
        ParseResult parsed,
        PatchStack stack,
        VitModel stored,
        ModelFile file,
        CancellationToken cancellation
    ) =>
        _patches.Verify(
            parsed,
            stack,
            stored,
            file,
            file.Labels ?? LabelSet.Numbered(file.Model.Config.Classes),
            cancellation
        );
}
