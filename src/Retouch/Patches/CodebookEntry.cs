namespace Retouch.Patches;

/// <summary>
/// A hidden unit of the last FFN that gives its value to every image within a radius of its key: what a later edit must
/// know to widen or to split it.
/// </summary>
/// <param name="Unit">The unit's index.</param>
/// <param name="Label">The class that its value has.</param>
/// <param name="Radius">The radius, above 0, in the units of the key.</param>
public sealed record CodebookEntry(int Unit, int Label, double Radius);
