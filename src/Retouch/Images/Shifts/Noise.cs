namespace Retouch.Images;

/// <summary>
/// Tiles of noise that repeat without a seam. Always the same; where to begin in one is the caller's choice.
/// </summary>
static class Noise
{
    const int Size = 256; // a power of two

    /// <summary>
    /// The lines that a brush's hairs leave: they change quickly across and slowly along, in [0,1], 0.5 on average.
    /// </summary>
    public static float Bristles(float across, float along) => At(BristleTile, across, along);

    /// <summary>Grain, one value a unit, in [0,1], 0.5 on average.</summary>
    public static float Grain(float x, float y) => At(GrainTile, x, y);

    static readonly float[] GrainTile = Tile(seed: 1, along: 0);
    static readonly float[] BristleTile = Tile(seed: 2, along: 10);

    /// <summary>Clouds of several sizes, the largest <see cref="Size"/>/4 units, in [0,1] or nearly.</summary>
    public static float Clouds(float x, float y)
    {
        float sum = 0;
        float weight = 0.5f;
        for (float scale = 1 / 64f; scale <= 0.25f; scale *= 2, weight /= 2)
            sum += weight * (At(GrainTile, x * scale + 17 * weight, y * scale) - 0.5f);
        return Math.Clamp(0.5f + sum, 0, 1);
    }

    static float At(float[] tile, float x, float y)
    {
        float fx = MathF.Floor(x);
        float fy = MathF.Floor(y);
        int x0 = (int)fx & (Size - 1);
        int y0 = (int)fy & (Size - 1);
        int x1 = (x0 + 1) & (Size - 1);
        int y1 = (y0 + 1) & (Size - 1);
        (fx, fy) = (x - fx, y - fy);
        float top = tile[y0 * Size + x0] + fx * (tile[y0 * Size + x1] - tile[y0 * Size + x0]);
        float bottom = tile[y1 * Size + x0] + fx * (tile[y1 * Size + x1] - tile[y1 * Size + x0]);
        return top + fy * (bottom - top);
    }

    /// <summary>White noise, averaged over this many neighbours on either side, and spread out again.</summary>
    static float[] Tile(int seed, int along)
    {
        Random random = new(seed);
        float[] white = [.. Enumerable.Range(0, Size * Size).Select(_ => random.NextSingle())];
        float spread = MathF.Sqrt(2 * along + 1);
        return
        [
            .. Enumerable
                .Range(0, Size * Size)
                .Select(i =>
                {
                    float sum = 0;
                    for (int k = -along; k <= along; k++)
                        sum += white[(i / Size + k & Size - 1) * Size + i % Size] - 0.5f;
                    return Math.Clamp(0.5f + sum / spread, 0, 1);
                }),
        ];
    }
}
