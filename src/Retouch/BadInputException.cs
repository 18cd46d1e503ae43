namespace Retouch;

/// <summary>
/// Something that the caller gave cannot be used: a file, a label, a setting. The message says to a person what is
/// wrong and where; what can be done about it is <see cref="Remedy"/>, which names no option of any program. Programs
/// exit with code 2 on it.
/// </summary>
public class BadInputException : Exception
{
    /// <summary>Creates the exception with a sentence for the user.</summary>
    public BadInputException(string message)
        : base(message) { }

    /// <summary>Creates the exception with a sentence for the user and the cause it stands for.</summary>
    public BadInputException(string message, Exception? innerException)
        : base(message, innerException) { }

    /// <summary>Creates the exception without a sentence; prefer the other constructors.</summary>
    public BadInputException() { }

    /// <summary>What is wrong, for a program.</summary>
    public BadInputKind Kind { get; init; }

    /// <summary>The file, setting, class or tensor that it is about; null where it is about none, or several.</summary>
    public string? Subject { get; init; }

    /// <summary>What the caller can do; null where the message says it or nothing is known.</summary>
    public Remedy? Remedy { get; init; }

    /// <summary>All of it but the place in the code.</summary>
    public Problem Problem => new(Message, Kind, Subject, Remedy);

    /// <summary>The same, with the place where it was met in front of the message.</summary>
    /// <param name="place">The place, such as a file.</param>
    /// <param name="subject">The file that it is in; null where that is the place.</param>
    internal BadInputException At(string place, string? subject = null) =>
        new($"{place}: {Message}", this)
        {
            Kind = Kind,
            Subject = subject ?? place,
            Remedy = Remedy,
        };

    /// <summary>The same, unless it is about a file already, or about one of a folder's.</summary>
    /// <param name="path">The file or folder.</param>
    internal BadInputException AtUnlessNamed(string path) =>
        Subject?.StartsWith(path, StringComparison.Ordinal) == true ? this : At(path);
}
