using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli;

/// <summary>Trained locators: those that come with the program, each for one model, and those that a user names.</summary>
static class ShippedLocators
{
    /// <summary>The file of the locator to use for a model; says so where it is the one that comes with the program.</summary>
    /// <param name="given">The file that the user named, or null.</param>
    /// <param name="model">The model.</param>
    /// <param name="space">The blocks to edit.</param>
    /// <param name="terminal">Where to say it.</param>
    /// <param name="commands">How to train one, for the message where there is none.</param>
    /// <exception cref="BadInputException">The file was trained for another model or other blocks, or none was named and none comes along.</exception>
    public static string Choose(string? given, VitModel model, EditSpace space, Terminal terminal, MakingCommands commands)
    {
        string train = (commands with { Blocks = space == EditSpace.Default(model.Config) ? null : space.BlockRange }).TrainLocator();
        if (given is not null)
        {
            if (HypernetworkFile.Provenance(given) is not { Targets: var targets })
                return given;
            if (targets.Model != model.Fingerprint)
                throw new BadInputException($"{given} was trained for the model {targets.Model}, not {model.Fingerprint}; train one for this model: {train}.");
            return targets.BlockRange is string window && window != space.BlockRange
                ? throw new BadInputException($"{given} was trained for the blocks {window}, but the blocks to edit are {space.BlockRange}; pass --blocks {window}, or train one for these: {train}.")
                : given;
        }
        string path = For(model.Fingerprint, space) ?? throw new BadInputException((For(model.Fingerprint) is null
            ? "No hypernetwork for this model comes with Retouch."
            : $"The hypernetwork that comes with Retouch for this model is for other blocks than {space.BlockRange}.")
            + $" Train one on some ordinary images: {train}, and add --locator-file locator.safetensors; or use --locator gradient, which needs none.");
        terminal.Note($"locator: {Path.GetFileName(path)}, which comes with Retouch and was trained for this model");
        return path;
    }

    /// <summary>The file of the locator that was trained for a model, or null where there is none.</summary>
    /// <param name="fingerprint">The model's.</param>
    /// <param name="space">The blocks that it is to be for; null for any.</param>
    public static string? For(string fingerprint, EditSpace? space = null) => ShippedFiles.For("locators", fingerprint)
        .FirstOrDefault(path => space is null || IsFor(path, space));

    /// <summary>Whether a locator may be for some blocks: not where its file names others.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is no locator.</exception>
    public static bool IsFor(string path, EditSpace space) => HypernetworkFile.Provenance(path) is not { Targets.BlockRange: string window } || window == space.BlockRange;
}
