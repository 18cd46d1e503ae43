namespace Retouch.Editing;

/// <summary>Which numbers a setting may have, and how a sentence says it. Immutable.</summary>
/// <param name="Holds">Whether a number is in the range.</param>
/// <param name="Text">What completes "it must be …".</param>
public sealed record SettingRange(Func<double, bool> Holds, string Text)
{
    /// <summary>Finite.</summary>
    public static SettingRange Any { get; } = new(double.IsFinite, "a finite number");

    /// <summary>Finite and above 0.</summary>
    public static SettingRange Positive { get; } = new(v => double.IsFinite(v) && v > 0, "above 0");

    /// <summary>Finite and at least 0.</summary>
    public static SettingRange NotNegative { get; } = new(v => double.IsFinite(v) && v >= 0, "at least 0");

    /// <summary>In (0,1].</summary>
    public static SettingRange Share { get; } = new(v => v is > 0 and <= 1, "above 0 and at most 1");

    /// <summary>In [0,1].</summary>
    public static SettingRange ZeroToOne { get; } = new(v => v is >= 0 and <= 1, "from 0 to 1");

    /// <summary>In [0,1).</summary>
    public static SettingRange BelowOne { get; } = new(v => v is >= 0 and < 1, "at least 0 and below 1");

    /// <summary>In (0,1).</summary>
    public static SettingRange Within { get; } = new(v => v is > 0 and < 1, "above 0 and below 1");

    /// <summary>Finite and at least a bound.</summary>
    /// <param name="least">The bound.</param>
    public static SettingRange AtLeast(double least) =>
        new(v => double.IsFinite(v) && v >= least, $"at least {SettingCheck.Text(least)}");
}
