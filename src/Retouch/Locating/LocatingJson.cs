using System.Text.Json.Serialization;

namespace Retouch.Locating;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TrainingPoint[]))]
[JsonSerializable(typeof(LocatorProvenance))]
sealed partial class LocatingJson : JsonSerializerContext;
