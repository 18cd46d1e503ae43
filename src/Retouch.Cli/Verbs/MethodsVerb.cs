using System.CommandLine;
using Retouch.Editing;

namespace Retouch.Cli.Verbs;

/// <summary><c>methods</c>: every method, its paper and its knobs.</summary>
sealed class MethodsVerb : Verb
{
    public MethodsVerb()
        : base("methods", "List the editing methods: their papers, settings and what they need.", reports: true) { }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        foreach (Method method in Methods.All)
        {
            terminal.Object(
                new MethodJson(
                    method.Name,
                    method.Title,
                    method.Paper,
                    method.PreparationKind,
                    [
                        .. method.Settings.Select(s => new KnobJson(
                            s.Name,
                            s.Help,
                            s.Default,
                            s.Range,
                            s.Quick,
                            s.Full,
                            s.IsDetail
                        )),
                    ]
                ),
                JsonOutput.Default.MethodJson
            );
            terminal.Line($"{method.Name}: {method.Title}");
            terminal.Line($"  paper        {method.Paper}");
            if (method.PreparationKind is not null)
                terminal.Line(
                    $"  preparation  {method.PreparationKind} ({MakingText.Prepare(null, null, method.Name)})"
                );
            foreach (MethodSetting setting in method.Settings.Where(s => !s.IsDetail))
                terminal.Line(
                    $"  {setting.Name, -11}  {setting.Help}; "
                        + setting.Default
                        + (setting.Full.Count > 1 ? $" (swept: {string.Join(", ", setting.Full)})" : "")
                );
            foreach (MethodSetting detail in method.Settings.Where(s => s.IsDetail))
                terminal.Detail($"  {detail.Name, -16}  {detail.Help}; {detail.Default}");
        }
        return App.Ok;
    }
}
