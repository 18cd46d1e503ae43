using System.Text.Json.Serialization;

namespace Retouch.Locating;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TargetBankManifest))]
sealed partial class ManifestJson : JsonSerializerContext;
