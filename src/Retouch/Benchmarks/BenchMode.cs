using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Retouch.Benchmarks;

/// <summary>What one edit of a benchmark is made on, and what it is made upon.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BenchMode>))]
public enum BenchMode
{
    /// <summary>
    /// The paper's protocol: each edit sees one image (or a few) of a group and starts from the unedited model.
    /// </summary>
    [
        JsonStringEnumMemberName("single"),
        SuppressMessage("Naming", "CA1720", Justification = "Not the number type: the field's word for this protocol.")
    ]
    Single,

    /// <summary>
    /// One edit for a whole group: it sees all of the group's images, or some, and starts from the unedited model.
    /// </summary>
    [JsonStringEnumMemberName("batch")]
    Batch,

    /// <summary>
    /// Edits one after the other, each on the model that those before it left; measured against the unedited model.
    /// </summary>
    [JsonStringEnumMemberName("sequential")]
    Sequential,

    /// <summary>
    /// One edit for the failures of all groups together, each image to its own group's class; a share of every group is
    /// held out, and measured.
    /// </summary>
    [JsonStringEnumMemberName("folder")]
    Folder,
}
