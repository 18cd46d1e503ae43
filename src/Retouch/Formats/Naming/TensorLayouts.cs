using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>Turns a <see cref="TensorLayout"/> into the canonical one: for shapes, and for tensors.</summary>
static class TensorLayouts
{
    /// <summary>
    /// The canonical shape of a tensor that a file has in this layout, or null if it cannot be of it.
    /// </summary>
    public static long[]? Canonical(this TensorLayout layout, IReadOnlyList<long> stored) =>
        (layout, stored) switch
        {
            (TensorLayout.Same, _) => [.. stored],
            (TensorLayout.Transposed, [long inputs, long outputs]) => [outputs, inputs],
            (TensorLayout.ConvolutionLast, [long height, long width, long inputs, long outputs]) =>
            [
                outputs,
                inputs,
                height,
                width,
            ],
            (TensorLayout.OutputHeads, [long inputs, long heads, long channels]) when Fits(heads, channels) =>
            [
                heads * channels,
                inputs,
            ],
            (TensorLayout.InputHeads, [long heads, long channels, long outputs]) when Fits(heads, channels) =>
            [
                outputs,
                heads * channels,
            ],
            (TensorLayout.Heads, [long heads, long channels]) when Fits(heads, channels) => [heads * channels],
            (TensorLayout.Row, [long width]) => [1, 1, width],
            (TensorLayout.Rows, [long rows, long width]) => [1, rows, width],
            _ => null,
        };

    /// <summary>The number of heads that a stored shape shows, or null.</summary>
    public static int? HeadsOf(this TensorLayout layout, IReadOnlyList<long> stored) =>
        (layout, stored) switch
        {
            (TensorLayout.OutputHeads, [_, > 0 and < 1 << 16 and long heads, _]) => (int)heads,
            (TensorLayout.InputHeads or TensorLayout.Heads, [> 0 and < 1 << 16 and long heads, ..]) => (int)heads,
            _ => null,
        };

    /// <summary>The tensor in the canonical layout, a new one or itself; in the caller's dispose scope.</summary>
    public static Tensor ToCanonical(this TensorLayout layout, Tensor stored) =>
        layout switch
        {
            TensorLayout.Transposed => stored.t().contiguous(),
            TensorLayout.ConvolutionLast => stored.permute(3, 2, 0, 1).contiguous(),
            TensorLayout.OutputHeads => stored.flatten(1).t().contiguous(),
            TensorLayout.InputHeads => stored.flatten(0, 1).t().contiguous(),
            TensorLayout.Heads => stored.flatten(),
            TensorLayout.Row => stored.view(1, 1, -1),
            TensorLayout.Rows => stored.unsqueeze(0),
            _ => stored,
        };

    /// <summary>
    /// A canonical tensor as it lies in the file, a new one or itself; in the caller's dispose scope. Only for layouts
    /// that are written.
    /// </summary>
    public static Tensor ToStored(this TensorLayout layout, Tensor canonical) =>
        layout switch
        {
            TensorLayout.Transposed => canonical.t().contiguous(),
            TensorLayout.Row => canonical.flatten(),
            TensorLayout.Rows => canonical.squeeze(0),
            _ => canonical,
        };

    static bool Fits(long a, long b) => a is >= 0 and <= 1 << 20 && b is >= 0 and <= 1 << 20;
}
