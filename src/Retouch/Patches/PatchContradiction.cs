namespace Retouch.Patches;

/// <summary>
/// Two patches of a stack that cannot both do what they were made for, so that together they do neither.
/// </summary>
/// <param name="First">Index of the earlier patch in the stack.</param>
/// <param name="Second">Index of the later patch in the stack.</param>
/// <param name="Block">
/// The block of a hidden unit that both rewrite, or null if they are one and the same patch, whose change would count
/// twice.
/// </param>
/// <param name="Unit">That unit's index.</param>
public sealed record PatchContradiction(int First, int Second, int? Block, int? Unit)
{
    /// <summary>Why, as a clause.</summary>
    /// <param name="first">What the earlier patch is called.</param>
    /// <param name="second">What the later one is called.</param>
    public string Why(string first, string second) =>
        Unit is null
            ? $"{first} and {second} are the same patch, whose change would count twice"
            : $"{first} and {second} both rewrite unit {Unit} of block {Block}, which then does neither's work";
}
