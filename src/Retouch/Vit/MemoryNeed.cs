namespace Retouch.Vit;

/// <summary>Says no with the figure before memory is taken that is not there.</summary>
public static class MemoryNeed
{
    /// <summary>Bytes of memory that this process may use: the machine's, or what a container leaves it.</summary>
    public static long Available => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Checks that something fits.</summary>
    /// <param name="bytes">Bytes of memory that it takes, estimated.</param>
    /// <param name="what">What takes it, as the begin of a sentence.</param>
    /// <param name="remedy">What to do; null where nothing can be done.</param>
    /// <exception cref="BadInputException">It takes more than this process may use.</exception>
    public static void Require(double bytes, string what, Remedy? remedy)
    {
        if (bytes > Available)
        {
            throw BadInput.TooLarge(
                what,
                $"{what} would take about {Size(bytes)} of memory, and this process may use {Size(Available)}.",
                remedy
            );
        }
    }

    /// <summary>A number of bytes for a person, as "2.8 GiB".</summary>
    public static string Size(double bytes) => ReadingBudget.Size(bytes);
}
