using System.Text.Json.Serialization;

namespace Retouch.Locating;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TargetBankManifest))]
[JsonSerializable(typeof(TrainingPoint[]))]
sealed partial class TargetBankJson : JsonSerializerContext;
