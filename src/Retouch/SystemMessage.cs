namespace Retouch;

/// <summary>
/// What the system or a library says of a failure, as part of a sentence of ours: the only place that takes such texts
/// apart.
/// </summary>
public static class SystemMessage
{
    /// <summary>All of it but the full stop at its end.</summary>
    public static string Of(Exception e) => e.Message.TrimEnd('.');

    /// <summary>Its first line.</summary>
    public static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim();

    /// <summary>The same without a file's name, which .NET adds to what the system says.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="path">The file; a temporary one, whose name means nothing to a reader.</param>
    public static string Without(Exception e, string path) =>
        e.Message.Replace($" : '{path}'", "", StringComparison.Ordinal).TrimEnd('.');
}
