using System.Globalization;

namespace Retouch.Editing;

/// <summary>What all settings share: the sentence for a value out of range, and one spelling of numbers.</summary>
static class SettingCheck
{
    public static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw BadInput.OutOfRange(name, $"The {name} is {Text(value)}; it must be {range}.");
    }

    /// <summary>Refuses a number out of range; none is always in it.</summary>
    public static void Require(string name, double? value, SettingRange range)
    {
        if (value is double number)
            Require(range.Holds(number), name, number, range.Text);
    }

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
