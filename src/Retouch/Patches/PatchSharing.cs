namespace Retouch.Patches;

/// <summary>Two patches of a stack that change the same tensors, of which at least one does not go by units.</summary>
/// <param name="First">Index of the earlier patch in the stack.</param>
/// <param name="Second">Index of the later patch in the stack.</param>
/// <param name="Tensors">The number of tensors that both change.</param>
public sealed record PatchSharing(int First, int Second, int Tensors);
