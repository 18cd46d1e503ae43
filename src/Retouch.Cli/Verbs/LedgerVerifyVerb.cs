using System.CommandLine;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger verify</c>: asks again for everything that a ledger promises.</summary>
sealed class LedgerVerifyVerb : Verb
{
    readonly ModelOptions _model;
    readonly LedgerOptions _ledger;
    readonly LedgerStateOptions _state;
    readonly Option<string[]> _images = new("--images")
    {
        Description = "Folders to look for the promised images in, whatever they are called there.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _built = new("--built")
    {
        Description = "A model file that should be what the ledger builds: its weights are compared.",
        HelpName = "FILE",
    };

    public LedgerVerifyVerb()
        : base(
            "verify",
            "Build a state in memory and ask it again for every image that its patches mend; exit code 1, and which, "
                + "where "
                + "one is no longer right, and 2 where one is not found.",
            reports: true
        )
    {
        _model = new ModelOptions(this, description: "The unedited model.");
        _ledger = new LedgerOptions(this, writes: false);
        _state = new LedgerStateOptions(this);
        Add(_images);
        Add(_built);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Ledger ledger = _ledger.Open(parsed);
        LedgerState state = _state.Of(parsed, ledger);
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        ledger.RequireModel(file.Model, file.Path);
        using PatchStack patches = new(ledger.Load(state));
        using BuiltModel built = LedgerUseCase.Build(ledger, state, file, patches.Files, _state.Forced(parsed));
        Compare(parsed, terminal, ledger, state, built);
        LedgerVerification result = LedgerUseCase.Verify(
            ledger,
            state,
            file,
            patches.Files,
            built,
            parsed.GetValue(_images) ?? [],
            cancellation
        );
        Print(terminal, ledger, result, labels);
        return result.Broken.Count > 0 ? App.Failed
            : result.Missing.Count > 0 ? App.BadInput
            : App.Ok;
    }

    void Compare(ParseResult parsed, Terminal terminal, Ledger ledger, LedgerState state, BuiltModel built)
    {
        if (parsed.GetValue(_built) is not string path)
            return;
        using ModelFile other = _model.Load(path, parsed, terminal);
        if (other.Model.Fingerprint != built.Model.Fingerprint)
            throw new BadInputException(
                $"{path} is {other.Model.Fingerprint}, but {ledger.Path} as of entry {state.Number} builds "
                    + $"{built.Model.Fingerprint}: it is of another state, or was changed; 'retouch ledger list "
                    + "--model' "
                    + "says what is in it."
            );
    }

    static void Print(Terminal terminal, Ledger ledger, LedgerVerification result, LabelSet labels)
    {
        terminal.Object(
            new LedgerVerifyJson(
                ledger.Path,
                result.State.Number,
                result.Fingerprint,
                result.State.Digest,
                result.Promises.Count,
                result.Promises.Count(p => p.Image.IsRight),
                result.Broken.Count,
                result.Missing.Count,
                [.. result.Promises.Select(p => Described(p, labels))]
            ),
            JsonOutput.Default.LedgerVerifyJson
        );
        LedgerPromise[] failed = [.. result.Promises.Where(p => !p.Image.IsRight)];
        foreach (
            string line in LongList.Lines(
                failed,
                Failed,
                more => $"  {more} not asked, which --json shows",
                many: p => p.Image.Missing is not null
            )
        )
            terminal.Line(line);
        foreach (LedgerPromise promise in result.Promises.Where(p => p.Image.IsRight))
            terminal.Detail($"  right      {promise.Image.Path}: {Said(promise.Image)} {Of(promise)}");
        int right = result.Promises.Count(p => p.Image.IsRight);
        terminal.Line(
            $"{ledger.Path} as of entry {result.State.Number}: {right} of {result.Promises.Count} promised images are "
                + $"right, {result.Broken.Count} broken, {result.Missing.Count} not asked"
        );
        terminal.Line($"  is       {result.Fingerprint}");

        string Failed(LedgerPromise promise) =>
            promise.Image.Missing is { } missing
                ? $"  NOT ASKED  {promise.Image.Image.Name}: {RemedyText.Of(missing).TrimEnd('.')} {Of(promise)}; "
                    + "--images DIR looks for it"
                : $"  BROKEN     {promise.Image.Path}: {Said(promise.Image)}, not "
                    + $"{NameOf(labels, promise.Image.Label)} {Of(promise)}";

        string Said(PatchedImage image) =>
            $"{NameOf(labels, image.Predicted!.Value)}, {100 * image.Probability:0.00} %";

        static string Of(LedgerPromise promise) => $"(entry {promise.Entry.Number}, {promise.Entry.Patch!.File})";
    }

    static LedgerPromiseJson Described(LedgerPromise promise, LabelSet labels) =>
        new(
            promise.Entry.Number,
            promise.Entry.Patch!.File,
            promise.Image.Image.Name,
            promise.Image.Image.Sha256,
            Class(labels, promise.Image.Label),
            promise.Image.Predicted is int predicted ? Class(labels, predicted) : null,
            promise.Image.Predicted is null ? null : promise.Image.Probability,
            promise.Image.Predicted is null ? null : promise.Image.IsRight,
            promise.Image.Path,
            promise.Image.Missing is { } missing ? RemedyText.Of(missing) : null
        );

    static ClassJson Class(LabelSet labels, int index) => new(index, NameOf(labels, index));

    static string NameOf(LabelSet labels, int index) =>
        labels.HasNames && index < labels.Count ? labels[index].Name : $"class {index}";
}
