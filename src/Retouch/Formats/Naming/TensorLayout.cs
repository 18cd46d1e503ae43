namespace Retouch.Formats;

/// <summary>How a scheme lays a tensor out beside the canonical layout, which is PyTorch's.</summary>
public enum TensorLayout
{
    /// <summary>As PyTorch does.</summary>
    Same,

    /// <summary>A matrix, transposed: inputs by outputs.</summary>
    Transposed,

    /// <summary>A convolution as height, width, inputs, outputs.</summary>
    ConvolutionLast,

    /// <summary>A matrix with its outputs split by heads: inputs by heads by channels of a head.</summary>
    OutputHeads,

    /// <summary>A matrix with its inputs split by heads: heads by channels of a head by outputs.</summary>
    InputHeads,

    /// <summary>A vector split by heads.</summary>
    Heads,

    /// <summary>A vector, of what is one token of a batch of one.</summary>
    Row,

    /// <summary>A matrix, of what are the tokens of a batch of one.</summary>
    Rows,
}
