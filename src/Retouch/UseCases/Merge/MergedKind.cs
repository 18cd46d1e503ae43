namespace Retouch.UseCases;

/// <summary>What parts are of.</summary>
public enum MergedKind
{
    /// <summary>A run of a benchmark: a folder of rows.</summary>
    Run,

    /// <summary>A target bank: a folder of solved targets.</summary>
    TargetBank,

    /// <summary>A benchmark: a model's mistakes.</summary>
    Benchmark,

    /// <summary>The answers of a check.</summary>
    Check,
}
