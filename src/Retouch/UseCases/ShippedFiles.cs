using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>
/// Files that come with a program, each made for one model, which its metadata name by its fingerprint. Immutable.
/// </summary>
/// <param name="root">The folder that holds theirs.</param>
public sealed class ShippedFiles(string root)
{
    /// <summary>Those that lie beside the program.</summary>
    public static ShippedFiles BesideProgram { get; } = new(AppContext.BaseDirectory);

    /// <summary>The full path of a file or folder of theirs.</summary>
    /// <param name="name">Its path below the root.</param>
    public string PathOf(string name) => Path.Combine(root, name);

    /// <summary>Those made for a model, in the order of their names.</summary>
    /// <param name="folder">The folder below the root.</param>
    /// <param name="fingerprint">The model's.</param>
    /// <exception cref="BadInputException">One of them cannot be read.</exception>
    public IEnumerable<string> For(string folder, string fingerprint)
    {
        string path = PathOf(folder);
        return Directory.Exists(path)
            ? Directory.EnumerateFiles(path, "*.safetensors").Order(StringComparer.Ordinal).Where(Fits)
            : [];

        bool Fits(string file)
        {
            using SafeTensorsFile opened = SafeTensorsFile.Open(file);
            return opened.Metadata.GetValueOrDefault("model") == fingerprint;
        }
    }
}
