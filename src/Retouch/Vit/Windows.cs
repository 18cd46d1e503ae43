using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Vit;

/// <summary>Tokens of an image as windows that attend for themselves, and four merged into one (Swin).</summary>
static class Windows
{
    /// <summary>How far a block's windows are shifted; of one window there is nothing to shift.</summary>
    /// <param name="place">The block.</param>
    /// <param name="grid">Tokens along one side of the image.</param>
    public static int Shift(VitPlace place, int grid) => place.Shifts && grid > place.Window ? place.Window / 2 : 0;

    /// <summary>Tokens along one side of an image.</summary>
    /// <param name="tokens">All of its tokens.</param>
    /// <exception cref="ArgumentException">They are no square.</exception>
    public static int Grid(long tokens)
    {
        int grid = (int)Math.Round(Math.Sqrt(tokens));
        return (long)grid * grid == tokens
            ? grid
            : throw new ArgumentException($"{tokens} tokens are no square image's.", nameof(tokens));
    }

    /// <summary>The windows of images, shifted: <c>[B,G·G,D]</c> to <c>[B·windows,W·W,D]</c>.</summary>
    /// <param name="place">The block.</param>
    /// <param name="grid">Tokens along one side of the image.</param>
    /// <param name="x">The tokens.</param>
    /// <exception cref="ArgumentException">Windows do not divide the image.</exception>
    public static Tensor Cut(VitPlace place, int grid, Tensor x)
    {
        int window = place.Window;
        if (grid % window != 0)
            throw new ArgumentException($"Windows of {window} tokens do not divide a grid of {grid}.", nameof(x));
        int shift = Shift(place, grid);
        long batch = x.shape[0];
        long width = x.shape[2];
        int across = grid / window;
        x = x.view(batch, grid, grid, width);
        if (shift > 0)
            x = x.roll([-shift, -shift], [1, 2]);
        return x.view(batch, across, window, across, window, width)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, (long)window * window, width);
    }

    /// <summary>Back from <see cref="Cut"/>.</summary>
    public static Tensor Joined(VitPlace place, int grid, Tensor x)
    {
        (int window, int shift) = (place.Window, Shift(place, grid));
        long width = x.shape[2];
        int across = grid / window;
        x = x.view(-1, across, across, window, window, width).permute(0, 1, 3, 2, 4, 5).reshape(-1, grid, grid, width);
        if (shift > 0)
            x = x.roll([shift, shift], [1, 2]);
        return x.reshape(-1, (long)grid * grid, width);
    }

    /// <summary>Four neighbours as one, normalized and projected: <c>[B,4·T,D']</c> to <c>[B,T,D]</c>.</summary>
    public static Tensor Merged(VitModel model, BlockWeights block, Tensor x)
    {
        long batch = x.shape[0];
        int grid = Grid(x.shape[1]) / 2;
        long width = x.shape[2];
        // Of the four, upper left, lower left, upper right, lower right.
        Tensor four = x.view(batch, grid, 2, grid, 2, width)
            .permute(0, 1, 3, 4, 2, 5)
            .reshape(batch, (long)grid * grid, 4 * width);
        return linear(model.Norm(four, block.MergeNormWeight!, block.MergeNormBias!), block.MergeWeight!);
    }
}
