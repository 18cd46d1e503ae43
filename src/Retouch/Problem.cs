namespace Retouch;

/// <summary>
/// A <see cref="BadInputException"/> as a value, for what was left out while the rest goes on. Immutable.
/// </summary>
/// <param name="Message">One or more sentences for a person: what is wrong, and where.</param>
/// <param name="Kind">What is wrong, for a program.</param>
/// <param name="Subject">The file, setting, class or tensor that it is about, or null.</param>
/// <param name="Remedy">What the caller can do, or null where the message says it or nothing is known.</param>
public sealed record Problem(
    string Message,
    BadInputKind Kind = BadInputKind.Other,
    string? Subject = null,
    Remedy? Remedy = null
);
