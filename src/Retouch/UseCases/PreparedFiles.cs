using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>The preparations that a user names, and those that come along for the model. Owns them.</summary>
sealed class PreparedFiles : IDisposable
{
    readonly Dictionary<string, Preparation> _byKind = [];
    readonly Dictionary<string, string> _ids = [];

    public PreparedFiles(TrainedFiles files, SplitVit split)
    {
        try
        {
            List<(string Path, Preparation Preparation)> others = [];
            foreach (string path in files.Prepared)
            {
                Preparation preparation = Preparation.Load(path);
                if (!preparation.Fits(split))
                    others.Add((path, preparation));
                else if (!Take(path, preparation))
                    throw BadInput.Exists(
                        path,
                        $"{path} is the second preparation '{preparation.Kind}'; give one of each."
                    );
            }
            // For another window or model: for what else is edited, or a mistake, which the method names that would use
            // it.
            foreach ((string path, Preparation preparation) in others)
                Take(path, preparation);
            foreach (string path in files.Shipped.For("preparations", split.Model.Fingerprint))
            {
                Preparation preparation = Preparation.Load(path);
                if (preparation.Fits(split))
                    Take(path, preparation);
                else
                    preparation.Dispose();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Says which files no method makes use of: another one was meant, perhaps.</summary>
    /// <param name="files">The files.</param>
    /// <param name="used">The kinds that were asked for.</param>
    /// <param name="methods">By whom.</param>
    /// <param name="events">Where to say it.</param>
    public static void SayUnused(
        TrainedFiles files,
        IEnumerable<string> used,
        IReadOnlyList<Method> methods,
        IUseCaseEvents events
    )
    {
        HashSet<string> kinds = [.. used];
        string names = string.Join(", ", methods.Select(m => m.Name));
        string takes = kinds.Count > 0 ? $"'{string.Join("', '", kinds.Order(StringComparer.Ordinal))}'" : "none";
        foreach (string path in files.Prepared)
        {
            string kind = Preparation.ReadLabel(path).Kind;
            if (!kinds.Contains(kind))
                events.Warn(
                    $"{path} is not used: it is the preparation '{kind}', and what {names} "
                        + $"{(methods.Count == 1 ? "takes" : "take")} here is {takes}"
                );
        }
    }

    public IReadOnlyDictionary<string, Preparation> ByKind => _byKind;

    /// <summary>Gives a preparation away, which whoever takes it disposes.</summary>
    public Preparation GiveAway(string kind)
    {
        Preparation preparation = _byKind[kind];
        _byKind.Remove(kind);
        return preparation;
    }

    /// <summary>The start of each file's SHA-256.</summary>
    public IReadOnlyDictionary<string, string> Ids => _ids;

    bool Take(string path, Preparation preparation)
    {
        if (!_byKind.TryAdd(preparation.Kind, preparation))
        {
            preparation.Dispose();
            return false;
        }
        _ids[preparation.Kind] = ImageRoots.Hash(path)[..12];
        return true;
    }

    public void Dispose()
    {
        foreach (Preparation preparation in _byKind.Values)
            preparation.Dispose();
    }
}
