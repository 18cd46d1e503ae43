namespace Retouch.Studio.World;

/// <summary>An ordinary image on which edits are measured. Immutable.</summary>
/// <param name="Id">Its number among them, by which pages name it.</param>
/// <param name="Path">Its file.</param>
/// <param name="Name">How pages call it.</param>
public sealed record LocalityPicture(int Id, string Path, string Name);
