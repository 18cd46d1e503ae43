using Retouch.Formats;

namespace Retouch.Cli;

/// <summary>Files that come with the program, each made for one model, which its metadata name by its fingerprint.</summary>
static class ShippedFiles
{
    /// <summary>Those made for a model, in the order of their names.</summary>
    /// <param name="folder">The folder beside the program.</param>
    /// <param name="fingerprint">The model's.</param>
    public static IEnumerable<string> For(string folder, string fingerprint)
    {
        string path = Path.Combine(AppContext.BaseDirectory, folder);
        return Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.safetensors").Order(StringComparer.Ordinal).Where(Fits) : [];

        bool Fits(string file)
        {
            using SafeTensorsFile opened = SafeTensorsFile.Open(file);
            return opened.Metadata.GetValueOrDefault("model") == fingerprint;
        }
    }
}
