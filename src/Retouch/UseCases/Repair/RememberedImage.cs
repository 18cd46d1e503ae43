namespace Retouch.UseCases;

/// <summary>An image that an earlier patch corrected. Immutable.</summary>
/// <param name="Patch">That patch.</param>
/// <param name="Name">The image's name.</param>
/// <param name="Label">The class that it was to have.</param>
/// <param name="RightBefore">Whether it is right under the earlier patches.</param>
/// <param name="RightAfter">Whether it is right under those and the new one.</param>
public sealed record RememberedImage(string Patch, string Name, int Label, bool RightBefore, bool RightAfter);
