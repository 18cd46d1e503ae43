namespace Retouch.UseCases;

/// <summary>A failing image of a repair. Immutable.</summary>
/// <param name="Path">The file.</param>
/// <param name="Group">Source, class and wrong answer: what it shares with others.</param>
/// <param name="Label">The class that it is to have.</param>
/// <param name="Before">The class that the unedited model gives it.</param>
/// <param name="After">The class that the repaired model gives it.</param>
/// <param name="HeldOut">Whether it was kept out of the repair.</param>
/// <param name="Right">Whether it is right now.</param>
/// <param name="Why">Why it is not, where it was to be corrected and is not; else null.</param>
public sealed record RepairedImage(
    string Path,
    string Group,
    int Label,
    int Before,
    int After,
    bool HeldOut,
    bool Right,
    string? Why
);
