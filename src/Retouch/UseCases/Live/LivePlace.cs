namespace Retouch.UseCases;

/// <summary>A place between an edit of one image alone and the most general one. Immutable.</summary>
/// <param name="Name">What a person calls it.</param>
/// <param name="Generality">The place on gate's way; null for a unit that remembers the image alone.</param>
public sealed record LivePlace(string Name, double? Generality);
