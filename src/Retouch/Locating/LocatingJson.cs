using System.Text.Json.Serialization;

namespace Retouch.Locating;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(FiniteNumber)]
)]
[JsonSerializable(typeof(TrainingPoint[]))]
[JsonSerializable(typeof(LocatorProvenance))]
sealed partial class LocatingJson : JsonSerializerContext;
