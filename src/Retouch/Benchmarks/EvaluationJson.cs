using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Retouch.Benchmarks;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(FiniteNumber)]
)]
[JsonSerializable(typeof(BenchmarkFile.Document))]
[JsonSerializable(typeof(ConfirmedList.Document), TypeInfoPropertyName = "ConfirmedListDocument")]
[JsonSerializable(typeof(MiningPart.Document), TypeInfoPropertyName = "MiningPartDocument")]
[JsonSerializable(typeof(BenchRow))]
[JsonSerializable(typeof(BenchManifest))]
[JsonSerializable(typeof(IReadOnlyList<SettingSummary>))]
[JsonSerializable(typeof(MaskSpecificity))]
[JsonSerializable(typeof(IReadOnlyList<MaskComparison>))]
[JsonSerializable(typeof(SensitiveImages))]
[JsonSerializable(typeof(SideEffects))]
sealed partial class EvaluationJson : JsonSerializerContext
{
    /// <summary>For writing one object a line, with letters of all scripts as they are.</summary>
    public static EvaluationJson Line { get; } = Writer(indented: false);

    /// <summary>The same for files that people read.</summary>
    public static EvaluationJson Indented { get; } = Writer(indented: true);

    static EvaluationJson Writer(bool indented) =>
        new(
            new JsonSerializerOptions
            {
                PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
                WriteIndented = indented,
                NewLine = "\n",
                Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
            }
        );
}
