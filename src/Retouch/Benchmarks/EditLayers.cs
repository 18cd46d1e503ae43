using System.Text.Json.Serialization;

namespace Retouch.Benchmarks;

/// <summary>Which half of a transformer block an edit changes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EditLayers>))]
public enum EditLayers
{
    /// <summary>The feed-forward network: <c>fc1</c> and <c>fc2</c>.</summary>
    [JsonStringEnumMemberName("ffn")]
    Ffn,

    /// <summary>The multi-head self-attention: <c>qkv</c> and <c>proj</c>.</summary>
    [JsonStringEnumMemberName("msa")]
    Msa,
}
