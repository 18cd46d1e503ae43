namespace Retouch.UseCases;

/// <summary>What the model says of an editing image, before and after the edit. Immutable.</summary>
/// <param name="Path">The file.</param>
/// <param name="Before">The unedited model's answer.</param>
/// <param name="After">The edited model's answer; the same where no edit was made.</param>
public sealed record EditedImage(string Path, ImageAnswer Before, ImageAnswer After);
