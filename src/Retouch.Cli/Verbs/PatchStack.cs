using Retouch.Patches;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>Patches that were loaded to be applied together. Owns them.</summary>
sealed class PatchStack : IDisposable
{
    readonly List<LoadedPatch> _files = [];

    /// <summary>Loads patches of a model.</summary>
    /// <param name="paths">The patches.</param>
    /// <param name="model">The model that they must be of; null where that is seen to elsewhere.</param>
    /// <exception cref="BadInputException">One cannot be read, or is of another model.</exception>
    public PatchStack(string[] paths, VitModel? model)
    {
        Paths = paths;
        try
        {
            foreach (string path in paths)
            {
                _files.Add(LoadedPatch.Load(path));
                if (model is not null)
                    _files[^1].Patch.RequireModel(model, path);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string[] Paths { get; }

    public IReadOnlyList<LoadedPatch> Files => _files;

    public IReadOnlyList<Patch> Patches => [.. _files.Select(f => f.Patch)];

    /// <summary>" with 2 patches", or nothing.</summary>
    public string Text =>
        Paths.Length switch
        {
            0 => "",
            1 => " with 1 patch",
            int count => $" with {count} patches",
        };

    /// <summary>Patches that were loaded one by one, which it takes over.</summary>
    public PatchStack(IReadOnlyList<LoadedPatch> files)
    {
        _files = [.. files];
        Paths = [.. files.Select(f => f.Path)];
    }

    public void Dispose() => _files.ForEach(p => p.Dispose());
}
