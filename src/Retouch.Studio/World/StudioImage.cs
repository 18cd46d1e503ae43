using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>An image that the studio shows. What is known of it grows while it is read.</summary>
/// <param name="Id">Its number, by which pages name it.</param>
/// <param name="Name">How pages call it: its path within the folder that was given.</param>
/// <param name="Folder">The folder that it lies in.</param>
/// <param name="Source">The folder that was given.</param>
/// <param name="Accepted">The classes that are right, the first the one to edit to; null where unknown.</param>
public sealed record StudioImage(int Id, string Name, string Folder, string Source, IReadOnlyList<int>? Accepted)
{
    /// <summary>Its file.</summary>
    public string Path => System.IO.Path.Combine(Source, Name);

    /// <summary>What the unedited model says; null until it is read, or where it cannot be.</summary>
    public LiveAnswer? Answer { get; internal set; }

    /// <summary>Why it cannot be used; null where it can, or is not read yet.</summary>
    public string? Problem { get; internal set; }

    /// <summary>Its class, where it is known.</summary>
    public int? Label => Accepted is [int first, ..] ? first : null;

    /// <summary>Whether the model is right; null where nobody knows.</summary>
    public bool? IsRight => Accepted is null || Answer is not { } answer ? null : Accepted.Contains(answer.Class);

    /// <summary>Whether an answer is known to be right.</summary>
    internal bool IsRightAs(LiveAnswer answer) => Accepted?.Contains(answer.Class) == true;

    /// <summary>Whether the model is wrong, as far as anybody knows.</summary>
    public bool IsWrong => IsRight == false;
}
