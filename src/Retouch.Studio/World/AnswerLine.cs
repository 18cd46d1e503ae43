using System.Globalization;
using System.Text.Json;
using Retouch.Images;
using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>What a model says of an image, as a line of a file. Immutable.</summary>
/// <param name="Key">Which file it was asked about, and as it was then.</param>
/// <param name="Class">The likeliest class.</param>
/// <param name="Probability">Its probability, in [0,1].</param>
/// <param name="Second">The next one.</param>
/// <param name="Margin">By how much the first is likelier than the second, in [0,1].</param>
sealed record AnswerLine(string Key, int Class, float Probability, int Second, float Margin)
{
    /// <summary>The answer.</summary>
    public LiveAnswer Answer() => new(Class, Probability, Second, Margin);

    /// <summary>What names a file as it is now: one that was written again is another image.</summary>
    /// <param name="path">The file.</param>
    public static string KeyOf(string path)
    {
        (long length, long ticks) = ImageFile.Stamp(path);
        return string.Create(CultureInfo.InvariantCulture, $"{path}|{length}|{ticks}");
    }

    /// <summary>A line with its end.</summary>
    /// <param name="key">What names the file.</param>
    /// <param name="answer">What the model says of it.</param>
    public static string Text(string key, LiveAnswer answer) =>
        JsonSerializer.Serialize(new AnswerLine(key, answer.Class, answer.Probability, answer.Second, answer.Margin))
        + "\n";

    /// <summary>Reads a line; null where it was cut off.</summary>
    /// <param name="text">The line.</param>
    public static AnswerLine? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<AnswerLine>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
