using System.Globalization;

namespace Retouch.Editing;

/// <summary>What the settings of all methods share: their ranges' sentences and one spelling of numbers.</summary>
static class SettingCheck
{
    public static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw new BadInputException($"The {name} is {Text(value)}; it must be {range}.");
    }

    public static void Positive(string name, double value) => Require(double.IsFinite(value) && value > 0, name, value, "above 0");

    public static void NotNegative(string name, double value) => Require(double.IsFinite(value) && value >= 0, name, value, "at least 0");

    public static void AtLeastOne(string name, int value) => Require(value >= 1, name, value, "at least 1");

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
