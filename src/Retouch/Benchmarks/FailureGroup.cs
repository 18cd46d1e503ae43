using System.Text.Json.Serialization;

namespace Retouch.Benchmarks;

/// <summary>
/// Images of one true class, from one source, that the unedited model all gives one wrong class: an edit on
/// one of them should correct the others, too. Immutable.
/// </summary>
/// <param name="Source">Where the images come from, such as the name of a data set's domain.</param>
/// <param name="Class">The true class by its folder's name.</param>
/// <param name="Accepted">The indices that count as right; an edit aims at the first.</param>
/// <param name="Wrong">The index that the model gives.</param>
/// <param name="Images">The images, in ordinal order of their paths.</param>
public sealed record FailureGroup(
    string Source,
    string Class,
    IReadOnlyList<int> Accepted,
    int Wrong,
    IReadOnlyList<BenchmarkImage> Images
)
{
    /// <summary>The index that an edit aims at.</summary>
    [JsonIgnore]
    public int Label => Accepted[0];

    /// <summary>The group's name, unique within a benchmark: <c>art_painting/elephant→917</c>.</summary>
    [JsonIgnore]
    public string Name => $"{Source}/{Class}→{Wrong}";
}
