namespace Retouch;

/// <summary>
/// Something that the caller gave cannot be used: a file, a label, a setting. The message is one
/// sentence for a person: what is wrong, where, and what to do. Programs exit with code 2 on it.
/// </summary>
public class BadInputException : Exception
{
    /// <summary>Creates the exception with a sentence for the user.</summary>
    public BadInputException(string message) : base(message) { }

    /// <summary>Creates the exception with a sentence for the user and the cause it stands for.</summary>
    public BadInputException(string message, Exception innerException) : base(message, innerException) { }

    /// <summary>Creates the exception without a sentence; prefer the other constructors.</summary>
    public BadInputException() { }
}
