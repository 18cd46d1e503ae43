using Retouch.Evaluation;
using Retouch.Locating;

namespace Retouch.Cli.Verbs;

/// <summary>The preparations that a command names. Owns them.</summary>
sealed class PreparedFiles : IDisposable
{
    readonly Dictionary<string, Preparation> _byKind = [];
    readonly Dictionary<string, string> _ids = [];

    public PreparedFiles(IEnumerable<string> paths)
    {
        try
        {
            foreach (string path in paths)
            {
                Preparation preparation = Preparation.Load(path);
                if (!_byKind.TryAdd(preparation.Kind, preparation))
                {
                    preparation.Dispose();
                    throw new BadInputException($"{path} is the second preparation '{preparation.Kind}'; give one of each.");
                }
                _ids[preparation.Kind] = ImageRoots.Hash(path)[..12];
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyDictionary<string, Preparation> ByKind => _byKind;

    /// <summary>The start of each file's SHA-256.</summary>
    public IReadOnlyDictionary<string, string> Ids => _ids;

    public void Dispose()
    {
        foreach (Preparation preparation in _byKind.Values)
            preparation.Dispose();
    }
}
