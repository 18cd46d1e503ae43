namespace Retouch.Formats;

/// <summary>One class of a model. Immutable.</summary>
/// <param name="Index">The position of its logit.</param>
/// <param name="WordNetId">Its WordNet synset such as "n01440764", or null if the label file gives none.</param>
/// <param name="Name">Its name as the label file writes it.</param>
public sealed record Label(int Index, string? WordNetId, string Name);
