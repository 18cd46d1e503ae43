namespace Retouch.Editing;

/// <summary>What <see cref="FineTuning"/> adds to its loss to keep the change small.</summary>
public enum FineTuningPenalty
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The sum of the change's absolute values: most weights stay as they are.</summary>
    L1,

    /// <summary>The sum of the change's squares.</summary>
    L2,
}
