using System.CommandLine;

namespace Retouch.Cli.Verbs;

/// <summary>How much must stay as it is, for verbs that find the most general change that keeps to it.</summary>
sealed class GuardOptions
{
    readonly Option<double?> _guard;
    readonly Option<double?> _guardNear;

    /// <summary>Creates the options.</summary>
    /// <param name="change">What is made: <c>edit</c> or <c>repair</c>.</param>
    /// <param name="near">The images of which a share must stay right.</param>
    /// <param name="more">What else is to be known of the first; empty for nothing.</param>
    public GuardOptions(string change, string near, string more = "")
    {
        _guard = new("--guard")
        {
            Description =
                $"Find the most general {change} that leaves at least this share of the --locality images as they "
                + $"are{more}.",
            HelpName = "RATE",
        };
        _guardNear = new("--guard-near")
        {
            Description =
                $"Find the most general {change} under which at least this share of {near} stay right; alone or "
                + "together with --guard.",
            HelpName = "RATE",
        };
        foreach (Option option in (Option[])[_guard, _guardNear])
            Verb.Require<double>(option, guard => guard is > 0 and <= 1, "a number above 0 and at most 1");
    }

    /// <summary>The option of locality images.</summary>
    public Option OfLocality => _guard;

    /// <summary>The option of near images.</summary>
    public Option OfNear => _guardNear;

    /// <summary>The share of locality images that must stay as they are; null for no such bound.</summary>
    public double? Guard(ParseResult parsed) => parsed.GetValue(_guard);

    /// <summary>The share of near images that must stay right; null for no such bound.</summary>
    public double? GuardNear(ParseResult parsed) => parsed.GetValue(_guardNear);
}
