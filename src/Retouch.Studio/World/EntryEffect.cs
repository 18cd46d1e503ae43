namespace Retouch.Studio.World;

/// <summary>What an entry of the ledger did to images, upon those before it. Immutable.</summary>
/// <param name="Number">The entry's number.</param>
/// <param name="Reason">Why it was accepted.</param>
/// <param name="Corrected">The images that are right since, by their numbers.</param>
/// <param name="Broken">The images that are wrong since, by their numbers.</param>
public sealed record EntryEffect(int Number, string Reason, IReadOnlySet<int> Corrected, IReadOnlySet<int> Broken);
