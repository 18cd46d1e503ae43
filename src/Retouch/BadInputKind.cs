namespace Retouch;

/// <summary>What is wrong with an input, for callers that act on it.</summary>
public enum BadInputKind
{
    /// <summary>None of the others.</summary>
    Other,

    /// <summary>A file, a tensor or a part is not there, or a value that is needed was not given.</summary>
    Missing,

    /// <summary>What is to be written is there already.</summary>
    Exists,

    /// <summary>A file is of the kind that it should be, but not whole or not sound.</summary>
    Damaged,

    /// <summary>
    /// Two inputs do not belong together: a file was made for another model, run or setting, or is of another kind.
    /// </summary>
    Mismatch,

    /// <summary>It may be sound, but is of a format or version, or asks for something, that is not supported.</summary>
    Unsupported,

    /// <summary>A value is not among those that are allowed.</summary>
    OutOfRange,

    /// <summary>It could mean several things.</summary>
    Ambiguous,

    /// <summary>It needs more memory, time or space than it may take.</summary>
    TooLarge,

    /// <summary>The system does not let a file or folder be read or written.</summary>
    Inaccessible,

    /// <summary>Another process is using it.</summary>
    Busy,
}
