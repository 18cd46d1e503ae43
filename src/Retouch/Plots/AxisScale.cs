namespace Retouch.Plots;

/// <summary>How an axis maps values to places.</summary>
enum AxisScale
{
    /// <summary>Equal differences are equally long.</summary>
    Linear,

    /// <summary>Equal ratios are equally long; values that are not positive have no place.</summary>
    Log,
}
