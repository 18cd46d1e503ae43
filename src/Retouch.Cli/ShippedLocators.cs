using Retouch.Formats;

namespace Retouch.Cli;

/// <summary>The trained locators that come with the program, each for one model.</summary>
static class ShippedLocators
{
    /// <summary>The file of the locator that was trained for a model, or null where there is none.</summary>
    /// <param name="fingerprint">The model's.</param>
    public static string? For(string fingerprint)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "locators");
        if (!Directory.Exists(folder))
            return null;
        foreach (string path in Directory.EnumerateFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            if (file.Metadata.GetValueOrDefault("model") == fingerprint)
                return path;
        }
        return null;
    }
}
