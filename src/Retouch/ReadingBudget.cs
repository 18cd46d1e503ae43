using System.Globalization;

namespace Retouch;

/// <summary>
/// What reading a file may take, so that a small file from a stranger cannot take the machine: memory and time in
/// proportion to the file's length, and an allowance beside them that files which are made small have. One budget
/// for the whole process; safe to use from several threads.
/// </summary>
public static class ReadingBudget
{
    /// <summary>Bytes that any file may take, whatever its length: 256 MiB at <see cref="Times"/> 1.</summary>
    public const long Allowance = 256L << 20;

    /// <summary>Bytes beside <see cref="Allowance"/> that an image may take for each byte of its file.</summary>
    public const int ImageGrowth = 64;

    /// <summary>Bytes beside <see cref="Allowance"/> that an archive may unpack to for each byte of its file.</summary>
    public const int ArchiveGrowth = 16;

    /// <summary>Bytes beside <see cref="Allowance"/> of weights in float32 for each byte of a model's files.</summary>
    public const int WeightGrowth = 8;

    /// <summary>How many <see cref="Allowance"/>s all images decoded at once may take; one alone may more.</summary>
    public const int TogetherFactor = 4;

    const double Seconds = 60;
    const double SecondsPerMebi = 1;

    static readonly object Gate = new();
    static double _times = 1;
    static long _reserved;

    /// <summary>How many times the usual memory and time reading may take, from 1 to 1000.</summary>
    /// <exception cref="BadInputException">The value is out of range.</exception>
    public static double Times
    {
        get => _times;
        set =>
            _times = value is >= 1 and <= 1000
                ? value
                : throw BadInput.OutOfRange(
                    null,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The reading budget is {value:R} times the usual; give a number from 1 to 1000."
                    )
                );
    }

    /// <summary>How many images are decoded at once at most; by default one a core that this process may use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public static int Threads
    {
        get => Parallelism.MaxDegreeOfParallelism;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            Parallelism = new ParallelOptions { MaxDegreeOfParallelism = value };
        }
    }

    /// <summary>The same, for loops.</summary>
    internal static ParallelOptions Parallelism { get; private set; } =
        new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    /// <summary>What tells the time; another in tests.</summary>
    internal static TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Bytes that reading may take.</summary>
    /// <param name="length">The file's length.</param>
    /// <param name="growth">Bytes a byte of it beside the allowance.</param>
    internal static long Bytes(long length, int growth) =>
        (long)Math.Min(_times * (Allowance + (double)growth * length), long.MaxValue / 2);

    /// <summary>How long reading a file may take.</summary>
    /// <param name="length">The file's length.</param>
    internal static TimeSpan Time(long length) =>
        TimeSpan.FromSeconds(_times * (Seconds + SecondsPerMebi * length / (1 << 20)));

    /// <summary>Checks that what reading needs is within the budget.</summary>
    /// <param name="needed">Bytes of memory.</param>
    /// <param name="length">The file's length.</param>
    /// <param name="growth">Bytes a byte of it beside the allowance.</param>
    /// <param name="path">The file.</param>
    /// <param name="what">The file and what it asks for, as the begin of a sentence.</param>
    /// <exception cref="BadInputException">It is not.</exception>
    internal static void Require(long needed, long length, int growth, string path, string what)
    {
        long most = Bytes(length, growth);
        if (needed <= most)
            return;
        string enough = Math.Ceiling(_times * needed / most).ToString(CultureInfo.InvariantCulture);
        throw BadInput.TooLarge(
            path,
            $"{what} would take {Size(needed)} of memory, and a file of {Size(length)} may take " + $"{Size(most)}.",
            Remedy.Larger(Parameter.ReadingBudget, enough)
        );
    }

    /// <summary>Waits until what is reserved leaves room, or nothing is; disposing the result gives it back.</summary>
    /// <param name="bytes">Bytes of memory to reserve. Whoever holds some must not ask for more.</param>
    internal static IDisposable Reserve(long bytes)
    {
        lock (Gate)
        {
            while (_reserved > 0 && _reserved + bytes > TogetherFactor * _times * Allowance)
                Monitor.Wait(Gate);
            _reserved += bytes;
        }
        return new Reservation(bytes);
    }

    /// <summary>A number of bytes for a person.</summary>
    internal static string Size(double bytes) =>
        bytes switch
        {
            >= 1L << 40 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 40):0.#} TiB"),
            >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.#} GiB"),
            >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 20):0} MiB"),
            >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 10):0} KiB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes:0} bytes"),
        };

    sealed class Reservation(long bytes) : IDisposable
    {
        long _bytes = bytes;

        public void Dispose()
        {
            lock (Gate)
            {
                _reserved -= _bytes;
                _bytes = 0;
                Monitor.PulseAll(Gate);
            }
        }
    }
}
