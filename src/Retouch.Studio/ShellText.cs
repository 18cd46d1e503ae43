namespace Retouch.Studio;

/// <summary>Arguments as a shell takes them.</summary>
public static class ShellText
{
    /// <summary>An argument in quotes where a shell would take it apart.</summary>
    /// <param name="text">The argument.</param>
    public static string Quote(string text) =>
        text.Length > 0
        && text.All(c =>
            char.IsLetterOrDigit(c) || c is '/' or '\\' or '.' or '-' or '_' or ':' or '+' or '=' or ',' or '@'
        )
            ? text
        : text.Any(c => c is '"' or '$' or '`' or '!') ? $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'"
        : $"\"{text}\"";
}
