namespace Retouch.UseCases;

/// <summary>A hidden unit that an edit changed or added, and what it does for an image. Immutable.</summary>
/// <param name="Unit">Its number in the FFN; those beyond the model's own are added.</param>
/// <param name="IsAdded">Whether the edit added it.</param>
/// <param name="Before">How strongly the unedited model's unit opens for the image; 0 for an added one.</param>
/// <param name="After">How strongly it opens in the edited model.</param>
/// <param name="Carries">
/// How much probability the right class loses where this unit alone is as it was, in [-1,1].
/// </param>
public readonly record struct LiveUnit(int Unit, bool IsAdded, double Before, double After, double Carries);
