using System.Text.Json.Serialization;

namespace Retouch.Locating;

/// <summary>
/// That a part of a bank's samples is there: what tells the folder of a run that is shared out from one of which a
/// process never came to its end. Immutable.
/// </summary>
/// <param name="Bank">The bank, <see cref="TargetBankManifest.Identity"/>.</param>
/// <param name="Part">Which part, from 0 on.</param>
/// <param name="Parts">Of how many.</param>
/// <param name="Count">The samples of all parts.</param>
/// <param name="Sums">
/// The SHA-256 of each of its files, in their order, in lower-case hexadecimal; null in banks of older versions.
/// </param>
sealed record TargetBankPart(string Bank, int Part, int Parts, int Count, IReadOnlyList<string>? Sums = null)
{
    /// <summary>The numbers of its files.</summary>
    [JsonIgnore]
    public IEnumerable<long> Files
    {
        get
        {
            for (long file = Part; file * TargetBank.ShardSize < Count; file += Parts)
                yield return file;
        }
    }
}
