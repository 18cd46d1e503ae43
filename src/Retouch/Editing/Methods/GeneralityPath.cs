namespace Retouch.Editing;

/// <summary>One way from general edits to local ones, for a guard to walk and a slider to show. Immutable.</summary>
/// <typeparam name="T">The record of settings.</typeparam>
/// <param name="Places">Places on the way, above 0, the most general first.</param>
/// <param name="Settings">The settings that change along it.</param>
/// <param name="At">Settings at a place.</param>
public sealed record GeneralityPath<T>(
    IReadOnlyList<double> Places,
    IReadOnlyList<string> Settings,
    Func<T, double, T> At
);
