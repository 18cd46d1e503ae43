using System.Globalization;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>Blocks in a row, as a user names them for any model: which FFNs may be edited.</summary>
/// <param name="First">The first block, zero-based.</param>
/// <param name="Count">The number of blocks, at least 1.</param>
public readonly record struct BlockWindow(int First, int Count)
{
    /// <summary>Reads <c>7-9</c>, <c>7,8,9</c> or <c>7</c>; null where the text is no window.</summary>
    public static BlockWindow? Parse(string text)
    {
        int[]? numbers = Numbers(text.Split(','));
        if (numbers is { Length: > 0 })
        {
            bool inARow = Enumerable.Range(numbers[0], numbers.Length).SequenceEqual(numbers);
            return inARow ? new(numbers[0], numbers.Length) : null;
        }
        return Numbers(text.Split('-', '–')) is [int first, int last] && first <= last
            ? new(first, last - first + 1)
            : null;

        // Four digits are more blocks than any model has, and cannot overflow.
        static int[]? Numbers(string[] parts) =>
            parts.All(IsNumber) ? [.. parts.Select(p => int.Parse(p, CultureInfo.InvariantCulture))] : null;

        static bool IsNumber(string part) =>
            part.Trim() is { Length: > 0 and <= 4 } digits && digits.All(char.IsAsciiDigit);
    }

    /// <summary>The window of a model.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace In(VitConfig config) => new(config, First, Count);
}
