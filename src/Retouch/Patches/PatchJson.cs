using System.Text.Json.Serialization;

namespace Retouch.Patches;

sealed record SpaceJson(
    int FirstBlock,
    int Blocks,
    int Hidden,
    int Width,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Gated = null
);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(FiniteNumber)]
)]
[JsonSerializable(typeof(SpaceJson))]
[JsonSerializable(typeof(PatchImage[]))]
[JsonSerializable(typeof(AppliedPatches[]))]
[JsonSerializable(typeof(CodebookEntry[]))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(PatchMeasurements))]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
sealed partial class PatchJson : JsonSerializerContext;
