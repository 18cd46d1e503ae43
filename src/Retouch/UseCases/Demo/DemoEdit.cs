using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>One way of correcting the demo's image, measured. Immutable.</summary>
/// <param name="Title">What it is called.</param>
/// <param name="Setting">The method and its settings in a line.</param>
/// <param name="Before">The right class's probability before the edit, in [0,1].</param>
/// <param name="After">The same after it.</param>
/// <param name="Success">Whether the image is right.</param>
/// <param name="Fixed">Others of its group that became right.</param>
/// <param name="Others">The others of its group.</param>
/// <param name="Broken">Ordinary images whose prediction changed.</param>
/// <param name="Ordinary">The ordinary images.</param>
/// <param name="Steps">Optimization steps.</param>
/// <param name="Seconds">The time that editing took.</param>
public sealed record DemoEdit(
    string Title,
    string Setting,
    double Before,
    double After,
    bool Success,
    int Fixed,
    int Others,
    int Broken,
    int Ordinary,
    int Steps,
    double Seconds
)
{
    /// <summary>What it fixed and broke among the pictures of the shifted subsets, without its own group.</summary>
    public required Flips Near { get; init; }
}
