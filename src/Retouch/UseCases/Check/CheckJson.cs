using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Retouch.UseCases;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(FiniteNumber)]
)]
[JsonSerializable(typeof(CriteriaFile.Document), TypeInfoPropertyName = "CriteriaDocument")]
[JsonSerializable(typeof(CheckRowFile.Header))]
[JsonSerializable(typeof(CheckRow))]
sealed partial class CheckJson : JsonSerializerContext
{
    /// <summary>For writing one object a line, with letters of all scripts as they are.</summary>
    public static CheckJson Line { get; } =
        new(
            new JsonSerializerOptions
            {
                PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
                DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
                Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
            }
        );
}
