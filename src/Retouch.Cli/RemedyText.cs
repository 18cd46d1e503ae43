using Retouch.Editing;
using Retouch.Studio;
using Retouch.UseCases;

namespace Retouch.Cli;

/// <summary>
/// Says what is wrong together with what to do, in options and commands: the only place that turns a
/// <see cref="Remedy"/> into them.
/// </summary>
static class RemedyText
{
    /// <summary>What is wrong and what to do.</summary>
    public static string Of(BadInputException e) => Of(e.Problem);

    /// <inheritdoc cref="Of(BadInputException)"/>
    public static string Of(Problem problem)
    {
        if (problem.Remedy is not { } remedy)
            return problem.Message;
        string what = Clause(remedy, problem.Kind);
        return problem.Message.EndsWith('.')
            ? $"{problem.Message[..^1]}; {what}."
            : $"{problem.Message} {char.ToUpperInvariant(what[0])}{what[1..]}.";
    }

    /// <summary>What an interrupt left, and how to go on.</summary>
    public static string Of(OperationCanceledException e) =>
        e is RunInterruptedException run ? Of(run.Problem) : e.Message;

    /// <summary>A note, which has no full stop, with what to do.</summary>
    public static string Note(string text, Remedy remedy) => $"{text}; {Clause(remedy, BadInputKind.Other)}";

    /// <summary>
    /// What to do, as a clause that begins in lower case and has no full stop; null where nothing is known.
    /// </summary>
    public static string? Clause(Problem problem) => problem.Remedy is { } remedy ? Clause(remedy, problem.Kind) : null;

    static string Clause(Remedy remedy, BadInputKind kind) =>
        remedy.Action switch
        {
            RemedyAction.Overwrite => "pass --overwrite to replace it",
            RemedyAction.Resume when remedy.Artifact == Artifact.Run =>
                "wait for the run, or go on with it by 'retouch bench --resume'",
            RemedyAction.Resume when kind == BadInputKind.Exists => "pass --resume to go on with it",
            RemedyAction.Resume => "--resume goes on with what is there",
            RemedyAction.BeginAgain => "the same command with --resume begins anew",
            RemedyAction.GoOn => "--resume goes on with them",
            RemedyAction.Finish => "--resume makes what comes of them",
            RemedyAction.StartAnew => "leave out --resume to start anew",
            RemedyAction.OtherOutput when remedy.Value is string ending =>
                $"give {(remedy.Parameter is { } output ? Name(output) : "--out")} a name that ends in {ending}",
            RemedyAction.OtherOutput => "name another folder with --out",
            RemedyAction.Give => Give(remedy.Parameter!.Value, remedy.Value),
            RemedyAction.Smaller => Smaller(remedy),
            RemedyAction.Larger => Larger(remedy),
            RemedyAction.LeaveOut when remedy.Parameter == Parameter.Shard => "run this one without --shard",
            RemedyAction.LeaveOut when remedy.Parameter == Parameter.Setting => "leave it out of --set",
            RemedyAction.LeaveOut when remedy is { Parameter: Parameter.Method, Value: null } => "leave it out",
            RemedyAction.LeaveOut when remedy.Value is string value =>
                $"leave out {Name(remedy.Parameter!.Value)} {value}",
            RemedyAction.LeaveOut => $"leave out {Name(remedy.Parameter!.Value)}",
            RemedyAction.Make => Make(remedy),
            RemedyAction.MakeAgain => MakeAgain(remedy),
            RemedyAction.GiveMade => GiveMade(remedy.Artifact!.Value),
            RemedyAction.Merge => $"put them together with 'retouch merge --out {remedy.Place}' first",
            RemedyAction.Export => Export(remedy.Alternatives),
            RemedyAction.TakeAway => "take that file away",
            RemedyAction.FreeSpace => "make room there, set TMPDIR to another folder",
            RemedyAction.AnyOf => string.Join(", or ", remedy.Alternatives.Select(r => Clause(r, kind))),
            _ => throw new ArgumentOutOfRangeException(nameof(remedy)),
        };

    static string Give(Parameter parameter, string? value) =>
        parameter switch
        {
            Parameter.ImageSize => $"ask for an --image-size of {value ?? "N"}",
            Parameter.Labels => "or give the names with --labels",
            Parameter.ClassEmbeddings => "give them with --class-embeddings, safetensors or .npy, [C, D]",
            Parameter.AcceptedClasses => "or say what they are with --accept",
            Parameter.Locator when value is null => "choose another with --locator",
            Parameter.Locator => $"use --locator {value}{(value == Locators.Hypernetwork ? "" : ", which needs none")}",
            Parameter.Label => $"--label {value ?? "INDEX"} means that one",
            Parameter.Orientation => $"--orientation {value ?? "exif"} turns them",
            Parameter.Setting => $"--set {value ?? "NAME=VALUE"} changes it",
            Parameter.ListRoot => "name the folder that they go on from with --root",
            Parameter.ListColumns => "choose some with --columns path=FILE,label=CLASS, by name or number",
            Parameter.Compared => "give the change with --patch, or the model before it with --against",
            Parameter.Criteria => "give some with --criteria or its options",
            Parameter.Guard => $"--guard {value ?? "SHARE"} --locality DIR finds the bound",
            Parameter.TrainedFiles => "name them with --locator-file and --prepared",
            Parameter.Benchmark => "name that of its run with --benchmark",
            Parameter.Locality => "name their folder with --locality",
            Parameter.Near => "name their folders with --near",
            Parameter.StrongerModel => "give another with --stronger",
            Parameter.Mode => $"use --mode {value ?? "MODE"}",
            Parameter.EditsPerGroup => "--max-edits-per-group limits the images of a batch",
            Parameter.NormEpsilon => $"pass --norm-epsilon {value ?? "EPS"}, which changes the logits a little",
            Parameter.ExportFormat => $"use --format {value ?? "FORMAT"}",
            Parameter.KeptPatches => "name its file with --with",
            Parameter.Contradictions => "take one of them back with 'retouch ledger revert', or pass --force",
            Parameter.PromisedImages => "name the folder that has it with --images",
            Parameter.Base when value is null => "name the model that it was made of with --base",
            _ => value is null ? $"state it with {Name(parameter)}" : $"pass {Name(parameter)} {value}",
        };

    static string Smaller(Remedy remedy) =>
        remedy.Parameter switch
        {
            null => $"give a smaller {remedy.Value}",
            Parameter.HypernetworkBlocks => "give fewer --hypernetwork-blocks",
            Parameter.Targets => "give fewer --targets",
            Parameter.HeldOut => "hold out fewer",
            Parameter.Batch => "use a smaller --batch",
            Parameter other when remedy.Value is string value => $"use a smaller {Name(other)} than {value}",
            Parameter other => $"give a smaller {Name(other)}",
        };

    static string Larger(Remedy remedy) =>
        remedy.Parameter switch
        {
            Parameter.ReadingBudget when remedy.Value is string value =>
                $"if you trust it, pass --reading-budget {value}",
            Parameter.ReadingBudget => "if you trust it, pass a larger --reading-budget",
            Parameter.Targets => "solve more targets",
            Parameter other => $"give a larger {Name(other)}",
            null => throw new ArgumentException("It names no parameter.", nameof(remedy)),
        };

    static string Make(Remedy remedy) =>
        remedy.Artifact switch
        {
            Artifact.Preparation => $"make it from some ordinary images: {Prepare(remedy)}, and add --prepared "
                + $"{Variant(remedy)}.safetensors",
            Artifact.Locator => "train one on some ordinary images: "
                + $"{MakingText.TrainLocator(remedy.Model, remedy.Blocks)}, and add --locator-file locator.safetensors",
            Artifact.TargetBank when remedy.Count is long count =>
                $"'{SolveTargets(remedy)} --count {count}' solves what is missing",
            Artifact.TargetBank => $"'{SolveTargets(remedy)}' makes one",
            Artifact.Benchmark when remedy.Parameter == Parameter.Locality => "mine one with --locality",
            Artifact.Benchmark => "mine one for this model: retouch mine --model MODEL --images FOLDER --out FILE",
            Artifact.ContactSheet => "make a page for this model: retouch mine --model MODEL --stronger MODEL "
                + "--images FOLDER --out PAGE.html",
            _ => GiveMade(remedy.Artifact!.Value),
        };

    static string MakeAgain(Remedy remedy) =>
        remedy.Artifact switch
        {
            Artifact.Preparation => $"make it again: {Prepare(remedy)} --overwrite",
            Artifact.TargetBank => $"delete it, and '{SolveTargets(remedy)}' makes it anew",
            Artifact.ConfirmedList => "tick images on the page of 'retouch mine --stronger' and save the list again",
            _ => GiveMade(remedy.Artifact!.Value),
        };

    static string GiveMade(Artifact artifact) =>
        artifact switch
        {
            Artifact.Patch => "patches are what 'retouch edit --out' and 'retouch repair --out' write",
            Artifact.Preparation => "preparations are what 'retouch prepare --out' writes",
            Artifact.Locator => "locators are what 'retouch train-locator --out' writes",
            Artifact.TargetBank => "target banks are what 'retouch solve-targets --bank' fills",
            Artifact.Benchmark => "benchmarks are what 'retouch mine --out' writes",
            Artifact.ContactSheet => "such pages are what 'retouch mine --stronger' writes",
            Artifact.ConfirmedList => "such lists are what the page of 'retouch mine --stronger' saves",
            Artifact.Run => "runs are what 'retouch bench' writes",
            Artifact.MaskComparison => "comparisons of masks are what 'retouch bench masks --out' writes",
            Artifact.LocationSearch => "such rows are what 'retouch search-location' writes",
            Artifact.Model => "models are what 'retouch export' writes",
            _ => throw new ArgumentOutOfRangeException(nameof(artifact)),
        };

    static string Export(IReadOnlyList<Remedy> formats)
    {
        string others = string.Join(", ", formats.Skip(1).Select(f => f.Value));
        string or = others.Length > 0 ? $" (or {others})" : "";
        return $"use 'retouch export --patch … --format {formats[0].Value}'{or}";
    }

    static string Prepare(Remedy remedy) => MakingText.Prepare(remedy.Model, remedy.Blocks, Variant(remedy));

    static string Variant(Remedy remedy) => remedy.Variant ?? "METHOD";

    static string SolveTargets(Remedy remedy)
    {
        string bank = remedy.Place is string place ? ShellText.Quote(place) : "BANK";
        return $"retouch solve-targets --model MODEL --images FOLDER --bank {bank}";
    }

    static string Name(Parameter parameter) =>
        parameter switch
        {
            Parameter.ImageSize => "--image-size",
            Parameter.Heads => "--heads",
            Parameter.Rope => "--rope",
            Parameter.ClassEmbeddings => "--class-embeddings",
            Parameter.NormEpsilon => "--norm-epsilon",
            Parameter.Activation => "--activation",
            Parameter.Labels => "--labels",
            Parameter.AcceptedClasses => "--accept",
            Parameter.Locator => "--locator",
            Parameter.Locality => "--locality",
            Parameter.Margin => "--margin",
            Parameter.StrongerModel => "--stronger",
            Parameter.Method => "--method",
            Parameter.Mode => "--mode",
            Parameter.Shard => "--shard",
            Parameter.EditsPerGroup => "--max-edits-per-group",
            Parameter.Targets => "--count",
            Parameter.HeldOut => "--held-out",
            Parameter.Batch => "--batch",
            Parameter.HypernetworkBlocks => "--hypernetwork-blocks",
            Parameter.MlpWidth => "--mlp-width",
            Parameter.Widen => "--widen",
            Parameter.ExportFormat => "--format",
            Parameter.Memory => "--memory",
            Parameter.Label => "--label",
            Parameter.Orientation => "--orientation",
            Parameter.Setting => "--set",
            Parameter.Keep => "--keep",
            Parameter.LearningRate => "--lr",
            Parameter.Guard => "--guard",
            Parameter.Near => "--near",
            Parameter.GuardNear => "--guard-near",
            Parameter.Base => "--base",
            Parameter.KeptPatches => "--with",
            Parameter.Contradictions => "--force",
            Parameter.PromisedImages => "--images",
            Parameter.Blocks => "--blocks",
            Parameter.LocatorFile => "--locator-file",
            Parameter.TrainedFiles => "--prepared",
            Parameter.Benchmark => "--benchmark",
            Parameter.ReadingBudget => "--reading-budget",
            Parameter.ListRoot => "--root",
            Parameter.ListColumns => "--columns",
            Parameter.Page => "--report",
            Parameter.JUnit => "--junit",
            Parameter.Mistakes => "--mistakes",
            Parameter.Compared => "--against",
            Parameter.Criteria => "--criteria",
            _ => throw new ArgumentOutOfRangeException(nameof(parameter)),
        };
}
