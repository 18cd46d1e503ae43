namespace Retouch.Images;

/// <summary>Paint on canvas: its colour and how thick it lies.</summary>
sealed class PaintedCanvas
{
    readonly float[] _colors; // red, green, blue a pixel
    readonly float[] _thickness;
    readonly double _unit;
    float[] _distance = [];
    float[] _along = [];

    /// <summary>A canvas with a thin coat in the picture's average colour.</summary>
    public PaintedCanvas(RgbImage image, double unit)
    {
        (Width, Height, _unit) = (image.Width, image.Height, unit);
        _colors = new float[Width * Height * 3];
        _thickness = new float[Width * Height];
        ReadOnlySpan<byte> pixels = image.Pixels;
        Span<double> sums = stackalloc double[3];
        for (int i = 0; i < pixels.Length; i++)
            sums[i % 3] += pixels[i];
        for (int i = 0; i < _colors.Length; i++)
            _colors[i] = (float)(sums[i % 3] / (255.0 * Width * Height));
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>The colour at a place; the border's continues outside.</summary>
    public (double R, double G, double B) At(double x, double y)
    {
        int i = 3 * (Math.Clamp((int)y, 0, Height - 1) * Width + Math.Clamp((int)x, 0, Width - 1));
        return (_colors[i], _colors[i + 1], _colors[i + 2]);
    }

    /// <summary>Draws a brush along a path.</summary>
    public void Stroke(
        List<(double X, double Y)> path,
        double radius,
        (double R, double G, double B) color,
        Random random
    )
    {
        (int left, int right) = (
            (int)Math.Max(path.Min(p => p.X) - radius - 1, 0),
            (int)Math.Min(path.Max(p => p.X) + radius + 2, Width)
        );
        (int top, int bottom) = (
            (int)Math.Max(path.Min(p => p.Y) - radius - 1, 0),
            (int)Math.Min(path.Max(p => p.Y) + radius + 2, Height)
        );
        if (right <= left || bottom <= top)
            return;
        float length = Measure(path, (float)radius, left, top, right, bottom);

        float r = (float)radius;
        float hairs = (float)Math.Clamp(radius, 1.5, 8);
        float soft = Math.Max(1, 0.12f * r);
        (float seedX, float seedY) = (random.NextSingle() * 256, random.NextSingle() * 256);
        (float red, float green, float blue) = ((float)color.R, (float)color.G, (float)color.B);
        for (int y = top, k = 0; y < bottom; y++)
        {
            for (int x = left, i = y * Width + left; x < right; x++, i++, k++)
            {
                float distance = Math.Abs(_distance[k]);
                if (distance >= r + 0.5f)
                    continue;
                float across = _distance[k] / r;
                float along = _along[k];
                float hair = Noise.Bristles(across * hairs + seedX, along / r * 3 + seedY);
                float paint = Math.Min((r + 0.5f - distance) / soft, 1);
                // At its ends a brush runs dry, hair by hair.
                float end =
                    along < 0 ? 1 + along / r
                    : along > length ? 1 - (along - length) / r
                    : 1;
                paint *= Math.Clamp((end * 1.5f - hair) * 4 + 0.5f, 0, 1) * 0.96f;
                float shade = 1 + 0.22f * (hair - 0.5f);
                _colors[3 * i] += paint * (red * shade - _colors[3 * i]);
                _colors[3 * i + 1] += paint * (green * shade - _colors[3 * i + 1]);
                _colors[3 * i + 2] += paint * (blue * shade - _colors[3 * i + 2]);
                // Paint is pushed to the stroke's sides and to where the brush was lifted.
                float side = Math.Abs(across) - 0.8f;
                float thick =
                    0.7f * hair + 0.3f * Math.Max(0, 1 - 16 * side * side) + 0.25f * Math.Clamp(along / length, 0, 1);
                _thickness[i] += paint * (thick - _thickness[i]);
            }
        }
    }

    /// <summary>
    /// For each pixel of a rectangle its distance from the path, signed by the side, and how far along the path it is.
    /// </summary>
    float Measure(List<(double X, double Y)> path, float radius, int left, int top, int right, int bottom)
    {
        int width = right - left;
        int size = width * (bottom - top);
        if (_distance.Length < size)
            (_distance, _along) = (new float[size], new float[size]);
        _distance.AsSpan(0, size).Fill(float.PositiveInfinity);
        float before = 0;
        for (int s = 0; s < Math.Max(path.Count - 1, 1); s++)
        {
            (float ax, float ay) = ((float)path[s].X, (float)path[s].Y);
            (float dx, float dy) = path.Count > 1 ? ((float)path[s + 1].X - ax, (float)path[s + 1].Y - ay) : (0.01f, 0);
            float length = MathF.Max(MathF.Sqrt(dx * dx + dy * dy), 0.01f);
            float reach = radius + 1;
            int fromX = Math.Max((int)(MathF.Min(ax, ax + dx) - reach), left);
            int toX = Math.Min((int)(MathF.Max(ax, ax + dx) + reach) + 1, right);
            int fromY = Math.Max((int)(MathF.Min(ay, ay + dy) - reach), top);
            int toY = Math.Min((int)(MathF.Max(ay, ay + dy) + reach) + 1, bottom);
            for (int y = fromY; y < toY; y++)
            {
                for (int x = fromX, k = (y - top) * width + fromX - left; x < toX; x++, k++)
                {
                    (float px, float py) = (x + 0.5f - ax, y + 0.5f - ay);
                    float t = (px * dx + py * dy) / length;
                    float nearest = Math.Clamp(t, 0, length) / length;
                    (float ox, float oy) = (px - nearest * dx, py - nearest * dy);
                    float distance = MathF.Sqrt(ox * ox + oy * oy);
                    if (distance >= Math.Abs(_distance[k]))
                        continue;
                    _distance[k] = px * dy - py * dx < 0 ? -distance : distance;
                    bool first = s == 0;
                    bool last = s >= path.Count - 2;
                    _along[k] = before + Math.Clamp(t, first ? -radius : 0, last ? length + radius : length);
                }
            }
            before += length;
        }
        return before;
    }

    /// <summary>The painting under its lamp.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="cover">How much of the picture the paint hides, in [0,1].</param>
    /// <param name="relief">How plainly the lamp shows the paint's thickness.</param>
    /// <param name="random">Where the weave begins.</param>
    public RgbImage Finish(RgbImage image, double cover, double relief, Random random)
    {
        byte[] result = new byte[_colors.Length];
        ReadOnlySpan<byte> original = image.Pixels;
        (float shift, float scale) = (random.NextSingle() * 6, (float)(relief * 0.5 * Math.Max(_unit, 0.5)));
        float weave = (float)(Math.Tau / Math.Max(2.6 * _unit, 2.6));
        for (int y = 0, i = 0; y < Height; y++)
        {
            float row = MathF.Sin(y * weave + shift);
            for (int x = 0; x < Width; x++, i++)
            {
                float slopeX = _thickness[x + 1 < Width ? i + 1 : i] - _thickness[x > 0 ? i - 1 : i];
                float slopeY = _thickness[y + 1 < Height ? i + Width : i] - _thickness[y > 0 ? i - Width : i];
                float lit = Math.Clamp((0.6f * slopeX + 0.7f * slopeY) * scale, -0.28f, 0.28f);
                lit += 0.018f * row * MathF.Sin(x * weave + shift);
                // Wet highlights are white, shadows keep the paint's colour.
                float white = Math.Max(lit - 0.06f, 0) * 0.7f;
                float shade = 1 + lit;
                float gray = 0.299f * _colors[3 * i] + 0.587f * _colors[3 * i + 1] + 0.114f * _colors[3 * i + 2];
                for (int c = 0; c < 3; c++)
                {
                    float pigment = gray + 1.2f * (_colors[3 * i + c] - gray);
                    float painted = pigment * shade + white;
                    result[3 * i + c] = Light.Byte(
                        original[3 * i + c] / 255f + cover * (painted - original[3 * i + c] / 255f)
                    );
                }
            }
        }
        return new RgbImage(Width, Height, result);
    }
}
