using System.Globalization;

namespace Retouch;

/// <summary>The time that reading one file has taken so far, against <see cref="ReadingBudget"/>.</summary>
/// <param name="path">The file.</param>
/// <param name="length">Its length.</param>
sealed class ReadingTime(string path, long length)
{
    readonly long _start = ReadingBudget.Clock.GetTimestamp();

    /// <exception cref="BadInputException">It has taken longer than it may.</exception>
    public void Check()
    {
        TimeSpan most = ReadingBudget.Time(length);
        if (ReadingBudget.Clock.GetElapsedTime(_start) > most)
        {
            string seconds = most.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
            throw BadInput.TooLarge(
                path,
                $"Reading {path} has taken more than the {seconds} s that a file of "
                    + $"{ReadingBudget.Size(length)} may take; it is made to be slow, or lies on a slow disk.",
                Remedy.Larger(Parameter.ReadingBudget)
            );
        }
    }
}
