using System.CommandLine;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary>The option that names patches which stay in a file when others are taken out.</summary>
sealed class KeptPatches
{
    readonly Option<string[]> _with = new("--with")
    {
        Description =
            "Patches that stay in the file; needed only where they do not lie beside those that are named or the file.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };

    public KeptPatches(Command command) => command.Add(_with);

    /// <summary>Loads those that are named, and of the rest what lies in the folders of some files.</summary>
    public PatchStack Find(ParseResult parsed, IReadOnlyList<AppliedPatch> wanted, IReadOnlyList<string> beside)
    {
        PatchStack named = new(parsed.GetValue(_with) ?? [], model: null);
        try
        {
            IReadOnlyList<LoadedPatch> found = PatchSearch.Find(
                [.. wanted.Where(w => named.Files.All(f => f.Change != w.Change))],
                [.. beside.Select(b => Path.GetDirectoryName(Path.GetFullPath(b))!)]
            );
            return new PatchStack([.. named.Files, .. found]);
        }
        catch
        {
            named.Dispose();
            throw;
        }
    }
}
