using System.Text.Json.Serialization;

namespace Retouch.Measurement;

/// <summary>How many of some images an edit gives another class than they had. Immutable.</summary>
/// <param name="Images">The number of images.</param>
/// <param name="Changed">How many of them have another class now, right or wrong.</param>
[method: JsonConstructor]
public readonly record struct ChangeCount(int Images, int Changed)
{
    /// <summary>The share of images that keep their class, in [0,1]; null of no images.</summary>
    [JsonIgnore]
    public double? Rate => Images == 0 ? null : 1 - (double)Changed / Images;

    /// <summary>Whether there can be such counts.</summary>
    internal bool ArePossible => Changed >= 0 && Changed <= Images;
}
