using System.CommandLine;
using Retouch.Images;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says which way up images are taken.</summary>
sealed class OrientationOption
{
    static readonly string[] Names = [.. Enum.GetNames<ImageOrientation>().Select(n => n.ToLowerInvariant())];

    readonly Option<string?> _orientation;

    /// <summary>Adds the option to a command.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="prefix">What stands before its name.</param>
    /// <param name="otherwise">What holds without it.</param>
    public OrientationOption(Command command, string prefix = "", string otherwise = "stored")
    {
        _orientation = new($"--{prefix}orientation")
        {
            Description =
                $"Which way up images are: stored, whatever EXIF says, as timm and torchvision take them, "
                + $"or exif, as image viewers show them; {otherwise} by default.",
            HelpName = string.Join('|', Names),
        };
        _orientation.CompletionSources.Add(Names);
        Verb.Require<string>(_orientation, Names.Contains, $"one of {string.Join(", ", Names)}");
        command.Add(_orientation);
    }

    /// <summary>What the user said; null for nothing.</summary>
    public ImageOrientation? Given(ParseResult parsed) =>
        parsed.GetValue(_orientation) is string name ? Enum.Parse<ImageOrientation>(name, ignoreCase: true) : null;
}
