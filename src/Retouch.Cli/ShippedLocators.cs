using Retouch.Formats;
using Retouch.Locating;
using Retouch.Vit;

namespace Retouch.Cli;

/// <summary>Trained locators: those that come with the program, each for one model, and those that a user names.</summary>
static class ShippedLocators
{
    /// <summary>The file of the locator to use for a model; says so where it is the one that comes with the program.</summary>
    /// <param name="given">The file that the user named, or null.</param>
    /// <param name="model">The model.</param>
    /// <param name="terminal">Where to say it.</param>
    /// <exception cref="BadInputException">The file was trained for another model, or none was named and none comes along.</exception>
    public static string Choose(string? given, VitModel model, Terminal terminal)
    {
        if (given is not null)
        {
            return HypernetworkFile.Provenance(given) is { } provenance && provenance.Targets.Model != model.Fingerprint
                ? throw new BadInputException($"{given} was trained for the model {provenance.Targets.Model}, not {model.Fingerprint}; train one for this model with 'retouch train-locator'.")
                : given;
        }
        string path = For(model.Fingerprint) ?? throw new BadInputException(
            "No hypernetwork for this model comes with Retouch. Train one with 'retouch train-locator --model MODEL --images FOLDER --out FILE' and name it with --locator-file, or use --locator gradient, which needs none.");
        terminal.Note($"locator: {Path.GetFileName(path)}, which comes with Retouch and was trained for this model");
        return path;
    }

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
