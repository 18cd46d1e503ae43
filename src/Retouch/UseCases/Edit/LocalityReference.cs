namespace Retouch.UseCases;

/// <summary>The model whose predictions locality and guard are measured against. Immutable.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Fingerprint">Its fingerprint.</param>
/// <param name="IsBase">Whether it is another model than the one that was edited.</param>
public sealed record LocalityReference(string Path, string Fingerprint, bool IsBase);
