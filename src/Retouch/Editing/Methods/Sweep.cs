namespace Retouch.Editing;

/// <summary>How many settings of a method a run tries.</summary>
public enum Sweep
{
    /// <summary>The published one.</summary>
    Published,

    /// <summary>A few that show the method's curve.</summary>
    Quick,

    /// <summary>The method's whole grid.</summary>
    Full,
}
