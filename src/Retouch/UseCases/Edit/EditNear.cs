using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What an edit did to labelled images of the same kind as the edited ones. Immutable.</summary>
/// <param name="Flips">What it turned right and what it broke among all of them.</param>
/// <param name="ByFolder">The same by folder, source and class, in ordinal order.</param>
/// <param name="LeftOut">
/// How many do not count, since they are edited images by their bytes, or the method learned from them.
/// </param>
public sealed record EditNear(Flips Flips, IReadOnlyDictionary<string, Flips> ByFolder, int LeftOut);
