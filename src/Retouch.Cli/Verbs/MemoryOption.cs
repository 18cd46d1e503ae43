using System.CommandLine;

namespace Retouch.Cli.Verbs;

/// <summary>How much memory the prefixes of images may take.</summary>
sealed class MemoryOption
{
    const double Gibi = 1L << 30;

    readonly Option<double?> _memory = new("--memory")
    {
        Description =
            "GiB of memory that what is kept of the images may take, of failures and of each other kind of images; the "
            + "rest lies in a temporary file. By default a quarter of what the process may use.",
        HelpName = "GIB",
    };

    public MemoryOption(Command command)
    {
        Verb.Require<double>(_memory, memory => memory is >= 0 and <= 1 << 20, "a number of GiB, at least 0");
        command.Add(_memory);
    }

    public long? Bytes(ParseResult parsed) => parsed.GetValue(_memory) is double memory ? (long)(memory * Gibi) : null;
}
