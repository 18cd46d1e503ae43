using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>Trained locators: those that come along, each for one model, and those that a user names.</summary>
public static class TrainedLocators
{
    /// <summary>The file of the locator to use for a model; says so where it is one that comes along.</summary>
    /// <param name="files">The file that the user named, or none, and those that come along.</param>
    /// <param name="model">The model.</param>
    /// <param name="space">The blocks to edit.</param>
    /// <param name="events">Where to say it.</param>
    /// <exception cref="BadInputException">
    /// The file was trained for another model or other blocks, or none was named and none comes along.
    /// </exception>
    public static string Choose(TrainedFiles files, VitModel model, EditSpace space, IUseCaseEvents events)
    {
        string? blocks = space == EditSpace.Default(model.Config) ? null : space.BlockRange;
        Remedy train = (files.MadeFor with { Blocks = blocks }).MakeLocator();
        if (files.Locator is string given)
        {
            if (HypernetworkFile.Provenance(given) is not { Targets: var targets })
                return given;
            if (targets.Model != model.Fingerprint)
                throw BadInput.Mismatch(
                    given,
                    $"{given} was trained for the model {targets.Model}, not {model.Fingerprint}.",
                    train
                );
            return targets.BlockRange is string window && window != space.BlockRange
                ? throw BadInput.Mismatch(
                    given,
                    $"{given} was trained for the blocks {window}, but the blocks to edit are {space.BlockRange}.",
                    Remedy.AnyOf(Remedy.Option(Parameter.Blocks, window), train)
                )
                : given;
        }
        string path =
            For(files.Shipped, model.Fingerprint, space)
            ?? throw BadInput.Missing(
                Locators.Hypernetwork,
                For(files.Shipped, model.Fingerprint) is null
                    ? "No hypernetwork for this model comes with Retouch."
                    : "The hypernetwork that comes with Retouch for this model is for other blocks than "
                        + $"{space.BlockRange}.",
                Remedy.AnyOf(train, Remedy.Option(Parameter.Locator, "gradient"))
            );
        events.Note($"locator: {Path.GetFileName(path)}, which comes with Retouch and was trained for this model");
        return path;
    }

    /// <summary>The file of the locator that comes along for a model, or null where there is none.</summary>
    /// <param name="shipped">What comes along.</param>
    /// <param name="fingerprint">The model's.</param>
    /// <param name="space">The blocks that it is to be for; null for any.</param>
    /// <exception cref="BadInputException">A file that comes along cannot be read.</exception>
    public static string? For(ShippedFiles shipped, string fingerprint, EditSpace? space = null) =>
        shipped.For("locators", fingerprint).FirstOrDefault(path => space is null || IsFor(path, space));

    /// <summary>Whether a locator may be for some blocks: not where its file names others.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is no locator.</exception>
    public static bool IsFor(string path, EditSpace space) =>
        HypernetworkFile.Provenance(path) is not { Targets.BlockRange: string window } || window == space.BlockRange;
}
