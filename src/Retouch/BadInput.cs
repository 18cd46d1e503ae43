namespace Retouch;

/// <summary>Makes a <see cref="BadInputException"/> of each <see cref="BadInputKind"/>.</summary>
public static class BadInput
{
    /// <summary>Something is not there, or was not given.</summary>
    /// <param name="subject">The file, setting, class or tensor that it is about, or null.</param>
    /// <param name="message">What is wrong, and where, for a person.</param>
    /// <param name="remedy">What the caller can do, or null where the message says it or nothing is known.</param>
    /// <param name="cause">What it stands for, or null.</param>
    public static BadInputException Missing(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Missing, subject, message, remedy, cause);

    /// <summary>What is to be written is there already.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Exists(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Exists, subject, message, remedy, cause);

    /// <summary>A file is not whole or not sound.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Damaged(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Damaged, subject, message, remedy, cause);

    /// <summary>Two inputs do not belong together, or a file is of another kind.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Mismatch(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Mismatch, subject, message, remedy, cause);

    /// <summary>It asks for something that is not supported.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Unsupported(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Unsupported, subject, message, remedy, cause);

    /// <summary>A value is not among those that are allowed.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException OutOfRange(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.OutOfRange, subject, message, remedy, cause);

    /// <summary>It could mean several things.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Ambiguous(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Ambiguous, subject, message, remedy, cause);

    /// <summary>It needs more than it may take.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException TooLarge(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.TooLarge, subject, message, remedy, cause);

    /// <summary>The system does not let a file or folder be read or written.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Inaccessible(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Inaccessible, subject, message, remedy, cause);

    /// <summary>Another process is using it.</summary>
    /// <inheritdoc cref="Missing" path="/param"/>
    public static BadInputException Busy(
        string? subject,
        string message,
        Remedy? remedy = null,
        Exception? cause = null
    ) => Of(BadInputKind.Busy, subject, message, remedy, cause);

    static BadInputException Of(BadInputKind kind, string? subject, string message, Remedy? remedy, Exception? cause) =>
        new(message, cause)
        {
            Kind = kind,
            Subject = subject,
            Remedy = remedy,
        };
}
