namespace Retouch.Editing;

/// <summary>One setting of a method, as lists and help show it. Immutable.</summary>
/// <param name="Name">The setting's name, as options and a patch's provenance spell it.</param>
/// <param name="Help">What it does, one line.</param>
/// <param name="Default">Its value where none is given.</param>
/// <param name="Range">Which values it may have: what completes "it must be …".</param>
/// <param name="Quick">The values of a quick sweep.</param>
/// <param name="Full">The values of a full sweep.</param>
/// <param name="IsDetail">Whether rows and tables name it only where a value was given.</param>
public sealed record MethodSetting(
    string Name,
    string Help,
    string Default,
    string Range,
    IReadOnlyList<string> Quick,
    IReadOnlyList<string> Full,
    bool IsDetail
);
