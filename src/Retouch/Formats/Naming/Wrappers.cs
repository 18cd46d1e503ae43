using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>
/// Parts that wrappers of modules leave within tensors' names: torch.compile, activation checkpointing, data
/// parallelism and FSDP, applied to a model's blocks rather than to all of it.
/// </summary>
static partial class Wrappers
{
    /// <summary>The name without them.</summary>
    public static string TakenOff(string name) => Part().Replace(name, "");

    /// <summary>A pattern for a name, in front of each of whose parts but the first wrappers may stand.</summary>
    public static string Between(string name) =>
        string.Join($@"\.(?:(?:{Names})\.)*", name.Split('.').Select(Regex.Escape));

    const string Names =
        "_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module|_fpw_module|_forward_module|_module|module";

    [GeneratedRegex(@"(?<=^|\.)(?:" + Names + @")\.", RegexOptions.CultureInvariant)]
    private static partial Regex Part();
}
