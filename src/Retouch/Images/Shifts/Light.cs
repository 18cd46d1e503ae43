namespace Retouch.Images;

/// <summary>
/// Conversions between the levels of a file (sRGB, IEC 61966-2-1) and amounts of light, in which lamps add up.
/// </summary>
static class Light
{
    const int Steps = 4096;

    static readonly float[] Table = [.. Enumerable.Range(0, 256).Select(v => (float)Amount(v / 255.0))];
    static readonly byte[] Levels =
    [
        .. Enumerable.Range(0, Steps + 1).Select(i => (byte)Math.Round(255 * Coded((double)i / Steps * i / Steps))),
    ];

    /// <summary>The light of a level, in [0,1].</summary>
    public static float Of(byte level) => Table[level];

    /// <summary>The level of a light; what is too bright is 255.</summary>
    // The square root spreads the table's steps as the eye does.
    public static byte Level(float light) => Levels[(int)(MathF.Sqrt(Math.Clamp(light, 0, 1)) * Steps + 0.5f)];

    /// <summary>A value in [0,1] as a level.</summary>
    public static byte Byte(double value) => (byte)(Math.Clamp(value, 0, 1) * 255 + 0.5);

    static double Amount(double coded) => coded <= 0.04045 ? coded / 12.92 : Math.Pow((coded + 0.055) / 1.055, 2.4);

    static double Coded(double light) => light <= 0.0031308 ? light * 12.92 : 1.055 * Math.Pow(light, 1 / 2.4) - 0.055;
}
