using System.Text.Json.Serialization;

namespace Retouch.Locating;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    NewLine = "\n",
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(FiniteNumber)]
)]
[JsonSerializable(typeof(TargetBankManifest))]
[JsonSerializable(typeof(TargetBankPart))]
sealed partial class ManifestJson : JsonSerializerContext;
