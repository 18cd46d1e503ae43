namespace Retouch.Measurement;

/// <summary>A cell of a confusion table off its diagonal. Immutable.</summary>
/// <param name="Label">The images' class.</param>
/// <param name="Said">The class that the model gives them.</param>
/// <param name="Images">How many there are.</param>
/// <param name="Before">How many there were under the model that it is compared with; null where there is none.</param>
public readonly record struct Confusion(int Label, int Said, int Images, int? Before);
