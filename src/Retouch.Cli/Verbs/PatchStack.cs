using Retouch.Patches;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>Patches that were loaded to be applied together. Owns them.</summary>
sealed class PatchStack : IDisposable
{
    readonly List<Patch> _patches = [];

    /// <summary>Loads patches of a model.</summary>
    /// <exception cref="BadInputException">One cannot be read, or is of another model.</exception>
    public PatchStack(string[] paths, VitModel model)
    {
        Paths = paths;
        try
        {
            foreach (string path in paths)
            {
                _patches.Add(PatchFile.Load(path));
                _patches[^1].RequireModel(model, path);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string[] Paths { get; }

    public IReadOnlyList<Patch> Patches => _patches;

    /// <summary>" with 2 patches", or nothing.</summary>
    public string Text =>
        Paths.Length switch
        {
            0 => "",
            1 => " with 1 patch",
            int count => $" with {count} patches",
        };

    public void Dispose() => _patches.ForEach(p => p.Dispose());
}
