namespace Retouch.Images;

/// <summary>
/// What a brush of one size sees of a picture: its colours without what is finer than the brush, and the direction of
/// its contours.
/// </summary>
sealed class StrokeGuide
{
    readonly Plane[] _colors;
    readonly Plane _xx;
    readonly Plane _xy;
    readonly Plane _yy;
    readonly double _shrink;

    /// <param name="guide">The picture, perhaps smaller.</param>
    /// <param name="width">The canvas's width.</param>
    /// <param name="height">The canvas's height.</param>
    /// <param name="radius">The brush's, in the canvas's pixels.</param>
    public StrokeGuide(RgbImage guide, int width, int height, double radius)
    {
        _shrink = Math.Min((double)guide.Width / width, (double)guide.Height / height);
        _colors = [.. Enumerable.Range(0, 3).Select(c => Plane.Channel(guide, c).Blur(0.5 * radius * _shrink))];
        // The structure tensor: averaged, opposite gradients of a line's two sides do not cancel.
        Plane luma = Plane.Luma(guide).Blur(Math.Max(0.5 * radius * _shrink, 0.7));
        (_xx, _xy, _yy) = (
            new(guide.Width, guide.Height),
            new(guide.Width, guide.Height),
            new(guide.Width, guide.Height)
        );
        for (int y = 0, i = 0; y < guide.Height; y++)
        {
            for (int x = 0; x < guide.Width; x++, i++)
            {
                float gx = luma.Values[x + 1 < guide.Width ? i + 1 : i] - luma.Values[x > 0 ? i - 1 : i];
                float gy =
                    luma.Values[y + 1 < guide.Height ? i + guide.Width : i] - luma.Values[y > 0 ? i - guide.Width : i];
                (_xx.Values[i], _xy.Values[i], _yy.Values[i]) = (gx * gx, gx * gy, gy * gy);
            }
        }
        double smooth = 1.5 * radius * _shrink;
        (_xx, _xy, _yy) = (_xx.Blur(smooth), _xy.Blur(smooth), _yy.Blur(smooth));
    }

    /// <summary>The colour at a place of the canvas, each channel in [0,1].</summary>
    public (double R, double G, double B) Color(double x, double y) =>
        (
            _colors[0].At(x * _shrink, y * _shrink),
            _colors[1].At(x * _shrink, y * _shrink),
            _colors[2].At(x * _shrink, y * _shrink)
        );

    /// <summary>How far a colour is from the one at a place, 0 to 1.7.</summary>
    public double Difference(double x, double y, (double R, double G, double B) color)
    {
        (double r, double g, double b) = Color(x, y);
        return Math.Sqrt((r - color.R) * (r - color.R) + (g - color.G) * (g - color.G) + (b - color.B) * (b - color.B));
    }

    /// <summary>
    /// The direction along the contours at a place, of length 1; where there are none, a slowly turning one.
    /// </summary>
    public (double X, double Y) Along(double x, double y)
    {
        (double gx, double gy) = (x * _shrink, y * _shrink);
        (double xx, double xy, double yy) = (_xx.At(gx, gy), _xy.At(gx, gy), _yy.At(gx, gy));
        // The eigenvector of the larger eigenvalue points across; half the angle of the tensor's difference.
        double across = 0.5 * Math.Atan2(2 * xy, xx - yy);
        double certainty = Math.Sqrt((xx - yy) * (xx - yy) + 4 * xy * xy);
        double angle = certainty > 1e-6 ? across + Math.PI / 2 : 0.6 + 0.8 * Math.Sin(gx / 40) * Math.Cos(gy / 55);
        return (Math.Cos(angle), Math.Sin(angle));
    }

    /// <summary>The canvas's places of the picture's pixels in a square.</summary>
    public IEnumerable<(double X, double Y)> Within(double left, double top, double side)
    {
        double step = 1 / _shrink;
        for (double y = top + 0.5 * step; y < top + side; y += step)
        {
            for (double x = left + 0.5 * step; x < left + side; x += step)
                yield return (x, y);
        }
    }
}
