namespace Retouch.Vit;

/// <summary>The biases that attention has by the relative position of query and key.</summary>
public enum RelativePositions
{
    /// <summary>None.</summary>
    None,

    /// <summary>A table of its own in each block.</summary>
    EachBlock,

    /// <summary>One table for all blocks.</summary>
    Shared,

    /// <summary>Both of them, added.</summary>
    EachBlockAndShared,
}
