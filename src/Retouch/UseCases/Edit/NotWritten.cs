namespace Retouch.UseCases;

/// <summary>Why an edit wrote no patch.</summary>
public enum NotWritten
{
    /// <summary>The request names no file for it.</summary>
    NotAsked,

    /// <summary>The model gives every image the label already; no edit was made.</summary>
    AlreadyRight,

    /// <summary>
    /// No edit that was tried corrects the mistake and leaves as many images as they are as the guard says.
    /// </summary>
    GuardNotKept,

    /// <summary>The edit leaves an image wrong.</summary>
    StillWrong,
}
