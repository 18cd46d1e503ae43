using System.Globalization;

namespace Retouch.Editing;

/// <summary>Makes settings of each kind.</summary>
public static class Setting
{
    const string None = "none";

    /// <summary>A real number.</summary>
    /// <param name="name">The name, as options and provenance spell it.</param>
    /// <param name="title">The name in a sentence: "The learning rate is 0; it must be above 0."</param>
    /// <param name="range">The numbers that it may have.</param>
    /// <param name="read">Gets it.</param>
    /// <param name="write">Gives the settings with another value.</param>
    /// <param name="help">What it does, one line.</param>
    public static Setting<T> Number<T>(
        string name,
        string title,
        SettingRange range,
        Func<T, double> read,
        Func<T, double, T> write,
        string help
    ) =>
        new(
            name,
            help,
            range.Text,
            s => SettingCheck.Text(read(s)),
            (s, text) => write(s, Parse(name, text)),
            s => SettingCheck.Require(title, read(s), range)
        );

    /// <summary>A whole number.</summary>
    /// <inheritdoc cref="Number{T}"/>
    public static Setting<T> Count<T>(
        string name,
        string title,
        SettingRange range,
        Func<T, int> read,
        Func<T, int, T> write,
        string help
    ) =>
        new(
            name,
            help,
            range.Text,
            s => SettingCheck.Text(read(s)),
            (s, text) => write(s, ParseCount(name, text)),
            s => SettingCheck.Require(title, read(s), range)
        );

    /// <summary>A real number, or none.</summary>
    /// <inheritdoc cref="Number{T}"/>
    public static Setting<T> OptionalNumber<T>(
        string name,
        string title,
        SettingRange range,
        Func<T, double?> read,
        Func<T, double?, T> write,
        string help
    ) =>
        new(
            name,
            help,
            $"{range.Text}, or {None}",
            s => read(s) is double value ? SettingCheck.Text(value) : None,
            (s, text) => write(s, text == None ? null : Parse(name, text)),
            s => SettingCheck.Require(title, read(s), range)
        );

    /// <summary>A whole number, or none.</summary>
    /// <inheritdoc cref="Number{T}"/>
    public static Setting<T> OptionalCount<T>(
        string name,
        string title,
        SettingRange range,
        Func<T, int?> read,
        Func<T, int?, T> write,
        string help
    ) =>
        new(
            name,
            help,
            $"{range.Text}, or {None}",
            s => read(s) is int value ? SettingCheck.Text(value) : None,
            (s, text) => write(s, text == None ? null : ParseCount(name, text)),
            s => SettingCheck.Require(title, read(s), range)
        );

    /// <summary>One of a few words.</summary>
    /// <param name="name">The name, as options and provenance spell it.</param>
    /// <param name="words">The words.</param>
    /// <param name="read">Gets it.</param>
    /// <param name="write">Gives the settings with another word.</param>
    /// <param name="help">What it does, one line.</param>
    public static Setting<T> Choice<T>(
        string name,
        IReadOnlyList<string> words,
        Func<T, string> read,
        Func<T, string, T> write,
        string help
    )
    {
        string range = $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";
        return new(name, help, range, read, (s, text) => write(s, Known(text)), s => Known(read(s)));

        string Known(string text) =>
            words.Contains(text)
                ? text
                : throw BadInput.OutOfRange(name, $"The setting {name} is {text}; it must be {range}.");
    }

    static double Parse(string name, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw BadInput.OutOfRange(name, $"The setting {name} is {text}, which is not a number.");

    static int ParseCount(string name, string text)
    {
        double value = Parse(name, text);
        return value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue
            ? (int)value
            : throw BadInput.OutOfRange(name, $"The setting {name} is {text}; it must be a whole number.");
    }
}
