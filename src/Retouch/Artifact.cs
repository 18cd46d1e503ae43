namespace Retouch;

/// <summary>What Retouch makes, and a <see cref="Remedy"/> asks for.</summary>
public enum Artifact
{
    /// <summary>A patch.</summary>
    Patch,

    /// <summary>What a method learns from ordinary images.</summary>
    Preparation,

    /// <summary>A trained locator.</summary>
    Locator,

    /// <summary>A folder of solved targets.</summary>
    TargetBank,

    /// <summary>A benchmark.</summary>
    Benchmark,

    /// <summary>The page on which a person confirms images.</summary>
    ContactSheet,

    /// <summary>The list of confirmed images that such a page saves.</summary>
    ConfirmedList,

    /// <summary>A run of a benchmark.</summary>
    Run,

    /// <summary>A run's comparison of masks.</summary>
    MaskComparison,

    /// <summary>The rows of a search for the blocks to edit.</summary>
    LocationSearch,

    /// <summary>A model's file.</summary>
    Model,
}
