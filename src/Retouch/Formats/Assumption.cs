namespace Retouch.Formats;

/// <summary>Something of a model that no file states and that was taken as usual. Immutable.</summary>
/// <param name="What">What was taken, for a person: <c>3 attention heads</c>.</param>
/// <param name="Option">The command line's option that states it, without dashes: <c>heads</c>.</param>
/// <param name="Value">What the option would be given to say the same: <c>3</c>.</param>
public sealed record Assumption(string What, string Option, string Value);
