using System.Text.Json.Serialization;
using Retouch.Benchmarks;
using Retouch.Reports;

namespace Retouch.Cli;

sealed record PredictionJson(int Index, string Name, double Probability);

/// <param name="Address">The address to open, with the token.</param>
sealed record ServeJson(string Address);

sealed record PredictJson(string Image, IReadOnlyList<PredictionJson> Predictions);

sealed record ClassJson(int Index, string Name);

sealed record MatrixJson(string Name, int Units, double Norm);

sealed record LogJson
{
    public required string Patch { get; init; }
    public required string Model { get; init; }
    public required IReadOnlyList<Patches.PatchImage> Images { get; init; }
    public required ClassJson Label { get; init; }
    public required string Method { get; init; }

    /// <summary>Why that method was chosen; null where it was named.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required string? Chosen { get; init; }

    /// <summary>What the method learned from the user's own images; null where it learned nothing, or before.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required string? Statistics { get; init; }

    public required IReadOnlyDictionary<string, string> Settings { get; init; }
    public required int Seed { get; init; }
    public required string? Preprocessing { get; init; }
    public required Patches.PatchMeasurements? Measurements { get; init; }
    public required int Units { get; init; }
    public required long Parameters { get; init; }
    public required long Bytes { get; init; }
    public required IReadOnlyList<MatrixJson> Matrices { get; init; }
}

sealed record MinedGroupJson(string Name, string Source, string Class, ClassJson Label, ClassJson Wrong, int Images);

sealed record MineJson
{
    public required string Benchmark { get; init; }
    public required string Model { get; init; }
    public required int Images { get; init; }
    public required int Right { get; init; }
    public required IReadOnlyList<MinedGroupJson> Groups { get; init; }
    public required int SmallGroups { get; init; }
    public required int LocalityImages { get; init; }
    public required int SensitiveImages { get; init; }
    public required IReadOnlyList<string> Skipped { get; init; }
}

/// <summary>A part of a mining; <c>Shard</c> says which, as 3/8.</summary>
sealed record MinePartJson(
    string Part,
    string Shard,
    string Model,
    int Images,
    int Right,
    int LocalityImages,
    IReadOnlyList<string> Skipped
);

/// <summary>A part of a check; <c>Shard</c> says which, as 3/8.</summary>
sealed record CheckPartJson(string Part, string Shard, int Images, int Undecoded);

/// <summary>
/// What was put together: of <c>Kind</c> targetBank, benchmark or check, with so many targets, mistakes or answers. Of
/// a run its summary is told instead.
/// </summary>
sealed record MergeJson(string Output, string Kind, int Parts, long Items);

sealed record SheetGroupJson(string Source, string Class, ClassJson Label, ClassJson Wrong, int Images);

sealed record SheetJson
{
    public required string Sheet { get; init; }
    public required string Model { get; init; }
    public required string Stronger { get; init; }
    public required int Images { get; init; }
    public required int Agreed { get; init; }
    public required IReadOnlyList<SheetGroupJson> Groups { get; init; }
    public required int SmallGroups { get; init; }
    public required IReadOnlyList<string> Skipped { get; init; }
}

sealed record LocationJson(
    EditWindow Recommended,
    EditWindow Best,
    string Rule,
    IReadOnlyList<WindowScore> Windows,
    string Rows,
    string Csv,
    string Plot
);

sealed record SideEffectsJson(IReadOnlyList<SideEffectSummary> SideEffects);

sealed record ShiftedJson
{
    public required string Image { get; init; }
    public required string? Output { get; init; }

    /// <summary><c>written</c>, <c>kept</c> or <c>skipped</c>.</summary>
    public required string Status { get; init; }
    public required string? Why { get; init; }

    /// <summary>What is wrong with a skipped image: <see cref="BadInputKind"/> in camel case.</summary>
    public required string? Kind { get; init; }

    /// <summary>The file that it is about.</summary>
    public required string? Subject { get; init; }

    /// <summary>What to do, where that is known.</summary>
    public required string? Remedy { get; init; }
}

sealed record LibraryJson(string Name, bool Loads, string? Why);

sealed record DoctorJson
{
    public required string Retouch { get; init; }
    public required string Os { get; init; }
    public required string Architecture { get; init; }
    public required string Runtime { get; init; }
    public required string Cpu { get; init; }
    public required IReadOnlyList<string> CpuFeatures { get; init; }

    /// <summary>The types of products that there are kernels for.</summary>
    public required IReadOnlyList<string> Kernels { get; init; }

    public required int Cores { get; init; }
    public required int? Threads { get; init; }
    public required long MemoryBytes { get; init; }
    public required string? Libtorch { get; init; }
    public required IReadOnlyList<LibraryJson> Libraries { get; init; }
    public required bool Healthy { get; init; }
}

sealed record ExportJson(
    IReadOnlyList<string> Files,
    string Format,
    string Model,
    IReadOnlyList<string> Patches,
    int? Opset
);

sealed record PullJson(string Model, string Path);

sealed record SolveTargetsJson(
    string Bank,
    long Solved,
    int Count,
    string Model,
    string Identity,
    IReadOnlyList<string> Skipped
);

sealed record TrainLocatorJson(
    string Locator,
    int Targets,
    int Batches,
    double HeldOutLoss,
    double? MeanMaskLoss,
    string Model,
    string Csv,
    string Plot
);

sealed record PretrainJson(
    string Model,
    long Parameters,
    int Classes,
    int Images,
    long Steps,
    double Seconds,
    double? HeldOutAccuracy,
    int? HeldOutImages
);

sealed record DemoJson
{
    public required string Folder { get; init; }
    public required string Model { get; init; }
    public required int Images { get; init; }
    public required int Right { get; init; }
    public required double OrdinaryAccuracy { get; init; }
    public required int Groups { get; init; }
    public required string Group { get; init; }
    public required string Image { get; init; }
    public required IReadOnlyList<UseCases.DemoEdit> Edits { get; init; }
    public required string Patch { get; init; }
    public required string Report { get; init; }
    public required string Picture { get; init; }
    public required double Seconds { get; init; }
}

sealed record KnobJson(
    string Name,
    string Description,
    string Default,
    string Range,
    IReadOnlyList<string> Quick,
    IReadOnlyList<string> Full,
    bool Detail
);

sealed record MethodJson(string Name, string Title, string Paper, string? Preparation, IReadOnlyList<KnobJson> Knobs);

sealed record PrepareJson(
    string Preparation,
    string Kind,
    string Model,
    string Space,
    IReadOnlyDictionary<string, string> Settings,
    long Bytes
);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PredictJson))]
[JsonSerializable(typeof(Verbs.EditJson))]
[JsonSerializable(typeof(Verbs.RepairJson))]
[JsonSerializable(typeof(Verbs.CheckJson))]
[JsonSerializable(typeof(Verbs.SlicesJson))]
[JsonSerializable(typeof(LogJson))]
[JsonSerializable(typeof(ShiftedJson))]
[JsonSerializable(typeof(Verbs.ShiftRecord))]
[JsonSerializable(typeof(MethodJson))]
[JsonSerializable(typeof(PrepareJson))]
[JsonSerializable(typeof(ExportJson))]
[JsonSerializable(typeof(PullJson))]
[JsonSerializable(typeof(DoctorJson))]
[JsonSerializable(typeof(SolveTargetsJson))]
[JsonSerializable(typeof(TrainLocatorJson))]
[JsonSerializable(typeof(PretrainJson))]
[JsonSerializable(typeof(DemoJson))]
[JsonSerializable(typeof(ServeJson))]
[JsonSerializable(typeof(CheckPartJson))]
[JsonSerializable(typeof(MergeJson))]
[JsonSerializable(typeof(MineJson))]
[JsonSerializable(typeof(MinePartJson))]
[JsonSerializable(typeof(SheetJson))]
[JsonSerializable(typeof(LocationJson))]
[JsonSerializable(typeof(SettingSummary))]
[JsonSerializable(typeof(MaskSpecificity))]
[JsonSerializable(typeof(MethodScore))]
[JsonSerializable(typeof(SideEffectsJson))]
[JsonSerializable(typeof(Verbs.LedgerJson))]
[JsonSerializable(typeof(Verbs.LedgerEntryJson))]
[JsonSerializable(typeof(Verbs.LedgerBuildJson))]
[JsonSerializable(typeof(Verbs.LedgerVerifyJson))]
[JsonSerializable(typeof(Verbs.LedgerDiffJson))]
[JsonSerializable(typeof(Verbs.ModelEditsJson))]
sealed partial class JsonOutput : JsonSerializerContext;
