namespace Retouch.UseCases;

/// <summary>The demo's patch, applied and taken back. Immutable.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Parameters">The number of weights that it changes.</param>
/// <param name="ModelBytes">The length of the model's file.</param>
/// <param name="Edited">The file of the model with the patch.</param>
/// <param name="With">The class that it gives the image.</param>
/// <param name="Without">The class that the model without it gives the image.</param>
public sealed record DemoPatch(
    string Path,
    long Bytes,
    long Parameters,
    long ModelBytes,
    string Edited,
    int With,
    int Without
);
