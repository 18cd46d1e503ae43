using Retouch.Locating;

namespace Retouch.Editing;

/// <summary>A way to choose where to edit, as settings, lists and reports name it. Immutable.</summary>
/// <param name="Name">The name, <see cref="ILocator.Name"/> of its locators.</param>
/// <param name="MaskName">What figures call fine-tuning of the units that it names.</param>
/// <param name="Title">Which units it names, to complete "masked fine-tuning of …".</param>
/// <param name="Create">
/// Makes the locator; refuses where something that it needs is not at hand. The text is the kind of preparation that
/// holds units' Fisher information.
/// </param>
public sealed record LocatorInfo(
    string Name,
    string MaskName,
    string Title,
    Func<EditorResources, string, ILocator> Create
);
