using System.CommandLine;
using Retouch.Editing;

namespace Retouch.Cli.Verbs;

/// <summary><c>methods</c>: every method, its paper and its knobs.</summary>
sealed class MethodsVerb : Verb
{
    public MethodsVerb() : base("methods", "List the editing methods: their papers, settings and what they need.", reports: true) { }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        foreach (MethodInfo method in Methods.All)
        {
            terminal.Object(new MethodJson(method.Name, method.Title, method.Paper, method.PreparationKind,
                [.. method.Knobs.Select(k => new KnobJson(k.Name, k.Description, k.Default, k.Quick, k.Full))]), JsonOutput.Default.MethodJson);
            terminal.Line($"{method.Name}: {method.Title}");
            terminal.Line($"  paper        {method.Paper}");
            if (method.PreparationKind is not null)
                terminal.Line($"  preparation  {method.PreparationKind} ({new Locating.MakingCommands().Prepare(method.Name)})");
            foreach (MethodKnob knob in method.Knobs)
                terminal.Line($"  {knob.Name,-11}  {knob.Description}; {knob.Default}{(knob.Full.Count > 1 ? $" (swept: {string.Join(", ", knob.Full)})" : "")}");
        }
        return App.Ok;
    }
}
