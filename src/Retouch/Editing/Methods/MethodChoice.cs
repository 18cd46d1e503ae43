namespace Retouch.Editing;

/// <summary>The method that was chosen where nobody named one. Immutable.</summary>
/// <param name="Method">The method.</param>
/// <param name="Why">Why this one: a clause without a full stop.</param>
/// <param name="Settings">Values of its settings that what is at hand calls for; mostly none.</param>
/// <param name="LacksImages">
/// Whether a better one was passed over for want of ordinary images that it could learn from.
/// </param>
public sealed record MethodChoice(
    Method Method,
    string Why,
    IReadOnlyDictionary<string, string> Settings,
    bool LacksImages
);
