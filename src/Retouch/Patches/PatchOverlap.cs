namespace Retouch.Patches;

/// <summary>Two patches of a stack that touch the same units.</summary>
/// <param name="First">Index of the earlier patch in the stack.</param>
/// <param name="Second">Index of the later patch in the stack.</param>
/// <param name="Units">The number of units that both touch.</param>
/// <param name="IntersectionOverUnion">Shared units over all units of the two, in [0,1].</param>
public sealed record PatchOverlap(int First, int Second, int Units, double IntersectionOverUnion);
