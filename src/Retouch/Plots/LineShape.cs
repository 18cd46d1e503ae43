namespace Retouch.Plots;

/// <summary>How a series connects its points, in their order.</summary>
enum LineShape
{
    /// <summary>Not at all: a scatter of markers.</summary>
    None,

    /// <summary>By straight lines.</summary>
    Straight,

    /// <summary>
    /// First to the next point's y, then to its x: the border of what a Pareto front dominates where larger is better
    /// on both axes.
    /// </summary>
    StepVerticalFirst,

    /// <summary>First to the next point's x, then to its y: a value that holds until the next.</summary>
    StepHorizontalFirst,
}
