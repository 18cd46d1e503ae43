namespace Retouch.Editing;

/// <summary>Settings that several methods have, named and worded in one place.</summary>
static class CommonSettings
{
    /// <summary>How many steps there are at most.</summary>
    public static Setting<T> Steps<T>(Func<T, int> read, Func<T, int, T> write) =>
        Setting.Count("steps", "number of steps", SettingRange.AtLeast(1), read, write, "steps at most");

    /// <summary>The loss that ends an edit.</summary>
    /// <param name="read">Gets it.</param>
    /// <param name="write">Gives the settings with another value.</param>
    /// <param name="help">What it ends, one line.</param>
    public static Setting<T> StopLoss<T>(
        Func<T, double> read,
        Func<T, double, T> write,
        string help = "the loss at which an edit is done"
    ) => Setting.Number("stopLoss", "stop loss", SettingRange.NotNegative, read, write, help);

    /// <summary>RMSprop's smoothing constant.</summary>
    public static Setting<T> Alpha<T>(Func<T, double> read, Func<T, double, T> write) =>
        Setting.Number("alpha", "alpha", SettingRange.BelowOne, read, write, "RMSprop's smoothing constant").AsDetail();

    /// <summary>What RMSprop adds to the root of the mean square.</summary>
    public static Setting<T> Epsilon<T>(Func<T, double> read, Func<T, double, T> write) =>
        Setting
            .Number(
                "eps",
                "epsilon",
                SettingRange.Positive,
                read,
                write,
                "what RMSprop adds to the root of the mean square"
            )
            .AsDetail();

    /// <summary>The one block that is edited.</summary>
    public static Setting<T> Block<T>(Func<T, int?> read, Func<T, int?, T> write) =>
        Setting
            .OptionalCount(
                "block",
                "block",
                SettingRange.AtLeast(0),
                read,
                write,
                "the block whose fc2 is edited; none for the last of the window"
            )
            .AsDetail();
}
