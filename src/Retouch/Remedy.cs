namespace Retouch;

/// <summary>
/// What a caller can do about bad input, as a value: each program says it in its own terms. Immutable.
/// </summary>
public sealed record Remedy
{
    Remedy(RemedyAction action) => Action = action;

    /// <summary>Allow that the file is replaced.</summary>
    public static Remedy Overwrite { get; } = new(RemedyAction.Overwrite);

    /// <summary>Go on with what is there.</summary>
    public static Remedy Resume { get; } = new(RemedyAction.Resume);

    /// <summary>Wait for a run, or go on with it.</summary>
    public static Remedy ResumeRun { get; } = new(RemedyAction.Resume) { Artifact = Retouch.Artifact.Run };

    /// <summary>Do the same again: nothing that is kept is of use.</summary>
    public static Remedy BeginAgain { get; } = new(RemedyAction.BeginAgain);

    /// <summary>Do the same again, which goes on with the rows that are kept.</summary>
    public static Remedy GoOn { get; } = new(RemedyAction.GoOn);

    /// <summary>Do the same again, which makes what comes of the rows that are all there.</summary>
    public static Remedy Finish { get; } = new(RemedyAction.Finish);

    /// <summary>Begin anew instead of going on with what is there.</summary>
    public static Remedy StartAnew { get; } = new(RemedyAction.StartAnew);

    /// <summary>Write to another place.</summary>
    public static Remedy OtherOutput { get; } = new(RemedyAction.OtherOutput);

    /// <summary>Take away the file that says otherwise.</summary>
    public static Remedy TakeAway { get; } = new(RemedyAction.TakeAway);

    /// <summary>Make room for temporary files, or have them elsewhere.</summary>
    public static Remedy FreeSpace { get; } = new(RemedyAction.FreeSpace);

    /// <summary>What it does; the other members say with what.</summary>
    public RemedyAction Action { get; }

    /// <summary>What to state or to change.</summary>
    public Parameter? Parameter { get; private init; }

    /// <summary>Its value.</summary>
    public string? Value { get; private init; }

    /// <summary>What to make or to give.</summary>
    public Artifact? Artifact { get; private init; }

    /// <summary>Which of a kind: the method or name of a preparation.</summary>
    public string? Variant { get; private init; }

    /// <summary>
    /// The model to make it for, as the caller named it in <see cref="Locating.MadeFor.Model"/>; null where that
    /// is not known.
    /// </summary>
    public string? Model { get; private init; }

    /// <summary>The blocks to make it for, such as 7-9; null for the usual.</summary>
    public string? Blocks { get; private init; }

    /// <summary>The folder that it is about.</summary>
    public string? Place { get; private init; }

    /// <summary>How many there are to be.</summary>
    public long? Count { get; private init; }

    /// <summary>Of <see cref="RemedyAction.AnyOf"/>.</summary>
    public IReadOnlyList<Remedy> Alternatives { get; private init; } = [];

    /// <summary>Write to a place whose name has another end.</summary>
    /// <param name="ending">The end, such as <c>.safetensors</c>.</param>
    public static Remedy OutputEnding(string ending) => OutputEnding(ending, null);

    /// <summary>The same of a place that another parameter names than the usual one of outputs.</summary>
    internal static Remedy OutputEnding(string ending, Parameter? output) =>
        new(RemedyAction.OtherOutput) { Value = ending, Parameter = output };

    /// <summary>State a parameter.</summary>
    /// <param name="parameter">Which.</param>
    /// <param name="value">Its value; null where the caller must know it.</param>
    public static Remedy Option(Parameter parameter, string? value = null) =>
        new(RemedyAction.Give) { Parameter = parameter, Value = value };

    /// <summary>Give a parameter a smaller value.</summary>
    /// <param name="parameter">Which.</param>
    /// <param name="than">The value that is too large; null where that is not known.</param>
    public static Remedy Smaller(Parameter parameter, string? than = null) =>
        new(RemedyAction.Smaller) { Parameter = parameter, Value = than };

    /// <summary>Give settings of a file smaller values.</summary>
    /// <param name="settings">Their names.</param>
    public static Remedy Smaller(params IReadOnlyList<string> settings) =>
        new(RemedyAction.Smaller) { Value = $"{string.Join(", ", settings.SkipLast(1))} or {settings[^1]}" };

    /// <summary>Give a parameter a larger value.</summary>
    /// <param name="parameter">Which.</param>
    /// <param name="value">What is enough; null where that is not known.</param>
    public static Remedy Larger(Parameter parameter, string? value = null) =>
        new(RemedyAction.Larger) { Parameter = parameter, Value = value };

    /// <summary>Leave a parameter out.</summary>
    /// <param name="parameter">Which.</param>
    /// <param name="value">Its value, where it may have several; else null.</param>
    public static Remedy LeaveOut(Parameter parameter, string? value = null) =>
        new(RemedyAction.LeaveOut) { Parameter = parameter, Value = value };

    /// <summary>Make what is missing.</summary>
    /// <param name="artifact">What.</param>
    /// <param name="with">A parameter that must be stated there.</param>
    public static Remedy Make(Artifact artifact, Parameter? with = null) =>
        new(RemedyAction.Make) { Artifact = artifact, Parameter = with };

    /// <summary>Make what an edit lacks.</summary>
    /// <param name="artifact">What.</param>
    /// <param name="variant">The method or name of a preparation; null of a locator.</param>
    /// <param name="model">The model, as the caller named it, or null.</param>
    /// <param name="blocks">The blocks to edit, or null for the usual.</param>
    public static Remedy Make(Artifact artifact, string? variant, string? model, string? blocks) =>
        new(RemedyAction.Make)
        {
            Artifact = artifact,
            Variant = variant,
            Model = model,
            Blocks = blocks,
        };

    /// <summary>Make what is missing in a folder.</summary>
    /// <param name="artifact">What.</param>
    /// <param name="place">The folder.</param>
    /// <param name="count">How many there are to be; null where that is open.</param>
    public static Remedy MakeIn(Artifact artifact, string place, long? count = null) =>
        new(RemedyAction.Make)
        {
            Artifact = artifact,
            Place = place,
            Count = count,
        };

    /// <summary>Replace what is there by one made anew.</summary>
    /// <param name="artifact">What.</param>
    /// <param name="variant">The method or name of a preparation; null where there is none.</param>
    /// <param name="place">The folder that it lies in, where it is known.</param>
    public static Remedy MakeAgain(Artifact artifact, string? variant = null, string? place = null) =>
        new(RemedyAction.MakeAgain)
        {
            Artifact = artifact,
            Variant = variant,
            Place = place,
        };

    /// <summary>Give a file of another kind.</summary>
    public static Remedy GiveMade(Artifact artifact) => new(RemedyAction.GiveMade) { Artifact = artifact };

    /// <summary>Put the parts of a run together.</summary>
    /// <param name="place">The folder that holds them.</param>
    public static Remedy Merge(string place) =>
        new(RemedyAction.Merge) { Artifact = Retouch.Artifact.Run, Place = place };

    /// <summary>Write a model in one of some formats.</summary>
    /// <param name="formats">Their names, the first the best.</param>
    public static Remedy Export(params IReadOnlyList<string> formats) =>
        new(RemedyAction.Export)
        {
            Artifact = Retouch.Artifact.Model,
            Alternatives = [.. formats.Select(f => Option(Retouch.Parameter.ExportFormat, f))],
        };

    /// <summary>Any of some remedies.</summary>
    public static Remedy AnyOf(params IReadOnlyList<Remedy> alternatives) =>
        new(RemedyAction.AnyOf) { Alternatives = alternatives };
}
