using System.Text.Json.Serialization;

namespace Retouch.Formats;

sealed record SquareJson(int Height, int Width);

sealed record EdgeJson(int ShortestEdge);

sealed record TransformersConfigJson
{
    public required string[] Architectures { get; init; }
    public required string ModelType { get; init; }
    public required int HiddenSize { get; init; }
    public required int NumHiddenLayers { get; init; }
    public required int NumAttentionHeads { get; init; }
    public required int IntermediateSize { get; init; }
    public required string HiddenAct { get; init; }
    public required double LayerNormEps { get; init; }
    public required int ImageSize { get; init; }
    public required int PatchSize { get; init; }
    public required int NumChannels { get; init; }
    public required int EncoderStride { get; init; }
    public required bool QkvBias { get; init; }
    public double HiddenDropoutProb { get; init; }
    public double AttentionProbsDropoutProb { get; init; }

    [JsonPropertyName("id2label")]
    public required IReadOnlyDictionary<string, string> Id2Label { get; init; }

    [JsonPropertyName("label2id")]
    public required IReadOnlyDictionary<string, int> Label2Id { get; init; }

    public string TorchDtype { get; init; } = "float32";
}

sealed record TransformersProcessorJson
{
    public required string ImageProcessorType { get; init; }
    public bool DoResize { get; init; } = true;
    public required object Size { get; init; }
    public required int Resample { get; init; }
    public bool? DoCenterCrop { get; init; }
    public SquareJson? CropSize { get; init; }
    public bool DoRescale { get; init; } = true;
    public double RescaleFactor { get; init; } = 1 / 255.0;
    public bool DoNormalize { get; init; } = true;
    public required double[] ImageMean { get; init; }
    public required double[] ImageStd { get; init; }
    public bool? DoConvertRgb { get; init; }
}

sealed record TimmConfigJson
{
    public required string Architecture { get; init; }
    public required int NumClasses { get; init; }
    public required int NumFeatures { get; init; }
    public required string GlobalPool { get; init; }
    public required TimmArgsJson ModelArgs { get; init; }
    public required TimmCfgJson PretrainedCfg { get; init; }
    public IReadOnlyList<string>? LabelNames { get; init; }
}

sealed record TimmArgsJson
{
    public required int ImgSize { get; init; }
    public required int PatchSize { get; init; }
    public required int EmbedDim { get; init; }
    public required int Depth { get; init; }
    public required int NumHeads { get; init; }
    public required double MlpRatio { get; init; }
    public required string GlobalPool { get; init; }
    public required bool QkvBias { get; init; }
    public double? InitValues { get; init; }
    public required bool ClassToken { get; init; }
    public required int RegTokens { get; init; }
    public required bool NoEmbedClass { get; init; }
    public required bool PreNorm { get; init; }
    public required bool FcNorm { get; init; }
    public string? ActLayer { get; init; }
}

sealed record TimmCfgJson
{
    public required int[] InputSize { get; init; }
    public bool FixedInputSize { get; init; } = true;
    public required string Interpolation { get; init; }
    public required double CropPct { get; init; }
    public required string CropMode { get; init; }
    public required double[] Mean { get; init; }
    public required double[] Std { get; init; }
    public required int NumClasses { get; init; }
    public string FirstConv { get; init; } = "patch_embed.proj";
    public string Classifier { get; init; } = "head";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true
)]
[JsonSerializable(typeof(TransformersConfigJson))]
[JsonSerializable(typeof(TransformersProcessorJson))]
[JsonSerializable(typeof(TimmConfigJson))]
[JsonSerializable(typeof(SquareJson))]
[JsonSerializable(typeof(EdgeJson))]
[JsonSerializable(typeof(IEnumerable<string>))]
sealed partial class ExportJson : JsonSerializerContext;
