using System.CommandLine;
using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>revert</c>: takes patches out of a model file that this tool built.</summary>
sealed class RevertVerb : Verb
{
    readonly ModelOptions _model;
    readonly Option<string[]> _patches = new("--patch")
    {
        Description = "A patch to take out, or several; all others in the file stay.",
        AllowMultipleArgumentsPerToken = true,
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _base = new("--base")
    {
        Description =
            "The model that the patches were made for; needed only where the edited file does not keep enough to find "
            + "the old weights.",
        HelpName = "MODEL",
    };
    readonly KeptPatches _kept;
    readonly Option<string> _out = new("--out")
    {
        Description = "The model file to write.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };
    readonly Option<bool> _replace = new("--replace-original")
    {
        Description = "Let --out be the edited model itself: it is replaced, and no copy of it is kept.",
    };

    public RevertVerb()
        : base(
            "revert",
            "Take patches out of a model that 'apply', 'export' or 'ledger build' made: to the bit, what it would be "
                + "without them. Refused for all other models.",
            reports: false
        )
    {
        _model = new ModelOptions(this, withLabels: false, description: "The edited model: a safetensors file.");
        Add(_patches);
        Add(_base);
        _kept = new KeptPatches(this);
        foreach (Option option in (Option[])[_out, _overwrite, _replace])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        OutputName.RequireModel(output);
        bool given = parsed.GetValue(_overwrite);
        AtomicFile.CheckWritable(output, given || parsed.GetValue(_replace));
        using ModelFile file = _model.Load(parsed, terminal);
        bool overwrite = given || OutputGuard.Replaces(parsed, output, file.Path);
        AtomicFile.CheckWritable(output, overwrite);
        using PatchStack removed = new(parsed.GetRequiredValue(_patches), model: null);
        using PatchStack others = _kept.Find(
            parsed,
            ModelReversal.Remaining(file, removed.Files),
            [.. removed.Paths, file.Path]
        );
        cancellation.ThrowIfCancellationRequested();
        using ModelFile? unedited = parsed.GetValue(_base) is string name
            ? _model.LoadLike(name, parsed, file, terminal)
            : null;
        using BuiltModel built = unedited is null
            ? ModelReversal.Of(file, removed.Files, others.Files)
            : ModelReversal.Of(file, unedited, removed.Files, others.Files);
        cancellation.ThrowIfCancellationRequested();
        built.Write(output, overwrite);
        int left = built.Applied.Sum(a => a.Patches.Count);
        terminal.Line(
            $"{output}: {file.Path} without {string.Join(", ", removed.Paths)}; {left} "
                + $"{(left == 1 ? "patch" : "patches")} left in it, fingerprint {built.Model.Fingerprint}"
        );
        return App.Ok;
    }
}
