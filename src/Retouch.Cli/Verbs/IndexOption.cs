using System.CommandLine;

namespace Retouch.Cli.Verbs;

/// <summary>The option that names what models said of images before.</summary>
static class IndexOption
{
    /// <summary>Makes it for a verb.</summary>
    public static Option<string?> New() =>
        new("--index")
        {
            Description =
                "A folder of what models said of images, by the images' bytes, for 'mine' and 'check': what is in it "
                + "is not asked again, and answers are added, also of one that is interrupted.",
            HelpName = "DIR",
        };
}
