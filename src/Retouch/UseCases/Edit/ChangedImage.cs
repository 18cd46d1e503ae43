namespace Retouch.UseCases;

/// <summary>An image beside the edited ones whose prediction the edit changed. Immutable.</summary>
/// <param name="File">The file, relative to its folder.</param>
/// <param name="Before">The class that the unedited model gives it.</param>
/// <param name="After">The class that the edited model gives it.</param>
/// <param name="Kind">What that is; null where its folder names no class, or both are right.</param>
public sealed record ChangedImage(string File, int Before, int After, ChangeKind? Kind);
