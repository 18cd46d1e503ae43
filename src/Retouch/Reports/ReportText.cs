using System.Globalization;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>How a report writes numbers and names.</summary>
sealed class ReportText(LabelSet? labels)
{
    const char ThinSpace = '\u2009';
    const char Minus = '−';

    /// <summary>A share as a percentage without its sign: 0.2534 as 25.3.</summary>
    public static string Percent(double share, int digits = 1) =>
        (100 * share).ToString("F" + digits, CultureInfo.InvariantCulture);

    /// <summary>A difference of shares in points, with its sign.</summary>
    public static string Points(double difference, int digits = 1)
    {
        string size = Percent(Math.Abs(difference), digits);
        return double.Parse(size, CultureInfo.InvariantCulture) == 0 ? size : $"{(difference < 0 ? Minus : '+')}{size}";
    }

    /// <summary>A number with its sign and two digits.</summary>
    public static string Signed(double value) =>
        $"{(value < 0 ? Minus : '+')}{Math.Abs(value).ToString("0.00", CultureInfo.InvariantCulture)}";

    /// <summary>An interval of percentages.</summary>
    public static string Interval(Estimate e, int digits = 1) => $"{Percent(e.Low, digits)}–{Percent(e.High, digits)}";

    /// <summary>A level of LR: 0.99 as 99, 0.985 as 98.5.</summary>
    public static string Level(double share) => (100 * share).ToString("0.###", CultureInfo.InvariantCulture);

    /// <summary>A count with its thousands apart.</summary>
    public static string Count(double value) =>
        value.ToString("#,0.#", CultureInfo.InvariantCulture).Replace(',', ThinSpace);

    /// <summary>A number with about three digits.</summary>
    public static string Short(double value) =>
        value == 0
            ? "0"
            : value.ToString(
                Math.Abs(value) switch
                {
                    >= 100 => "0",
                    >= 10 => "0.0",
                    >= 0.1 => "0.00",
                    _ => "0.000",
                },
                CultureInfo.InvariantCulture
            );

    /// <summary>A class by its name, as far as the first comma, or by its number.</summary>
    public string Class(int index) =>
        labels is not null && index >= 0 && index < labels.Count ? ClassName(labels[index].Name) : $"class {index}";

    /// <summary>A class's name as far as the first comma.</summary>
    public static string ClassName(string name) => name.Split(',')[0].Trim().Replace('_', ' ');

    /// <summary>
    /// A group by what is to be seen on its images and what the model says: <c>elephant → comic book</c>.
    /// </summary>
    public string Group(string name)
    {
        string shown = name[(name.IndexOf('/') + 1)..];
        int arrow = shown.LastIndexOf('→');
        return
            arrow >= 0
            && int.TryParse(shown[(arrow + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int wrong)
            ? $"{shown[..arrow]} → {Class(wrong)}"
            : shown;
    }

    /// <summary>A sentence's or a heading's beginning.</summary>
    public static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>One or several of a thing.</summary>
    public static string Many(int count, string one, string? several = null) =>
        $"{Count(count)} {(count == 1 ? one : several ?? one + "s")}";

    /// <summary>A file name that any system takes, made of a name that may hold anything.</summary>
    public static string FileName(string name)
    {
        string plain = string.Concat(name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        return string.Join('-', plain.Split('-', StringSplitOptions.RemoveEmptyEntries).Take(8)) is { Length: > 0 } text
            ? text[..Math.Min(text.Length, 60)]
            : "x";
    }
}
