namespace Retouch.Images;

/// <summary>
/// A painting in oil. Curved strokes in brushes of falling size follow the picture's contours (Hertzmann,
/// "Painterly Rendering with Curved Brush Strokes of Multiple Sizes", SIGGRAPH 1998); each is coloured by the
/// picture under its beginning, as in Litwinowicz, "Processing Images and Video for an Impressionist Effect"
/// (SIGGRAPH 1997), and leaves a relief of its hairs, which a lamp from the upper left shows (Hertzmann, "Fast
/// Paint Texture", NPAR 2002).
/// </summary>
sealed class OilPaintingShift : ImageShift
{
    const int GuideSide = 448; // strokes need no finer picture to be planned by

    // Radii in units at strength 0.8, and from which difference to the canvas (of 1.7) each touches it.
    static readonly (double Radius, double Threshold, int Least, int Most)[] Brushes =
    [
        (10, -1, 4, 9),
        (5, 0.11, 3, 10),
        (2.7, 0.12, 2, 9),
        (1.4, 0.13, 2, 6),
    ];

    public override string Name => "oil-painting";

    public override string Description => "painted in oil with visible brush strokes";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        double unit = Unit(image);
        PaintedCanvas canvas = new(image, unit);
        double shrink = Math.Min(1.0, (double)GuideSide / Math.Min(image.Width, image.Height));
        RgbImage guide =
            shrink == 1
                ? image
                : Resampler.Resize(
                    image,
                    Math.Max((int)(image.Width * shrink), 1),
                    Math.Max((int)(image.Height * shrink), 1),
                    Interpolation.Bilinear
                );
        double finer = double.PositiveInfinity;
        foreach ((double brush, double threshold, int least, int most) in Brushes)
        {
            // Finer brushes than a pixel paint the photo.
            double radius = Math.Max(brush * unit * (0.35 + 0.8 * strength), 0.7);
            if (radius > 0.8 * finer)
                continue;
            finer = radius;
            StrokeGuide strokes = new(guide, image.Width, image.Height, radius);
            foreach ((double x, double y) in Places(strokes, canvas, radius, threshold, random))
                Paint(strokes, canvas, x, y, radius, least, most, random);
        }
        return canvas.Finish(image, cover: Math.Min(1, 2 * strength), relief: 0.2 + 0.5 * strength, random);
    }

    /// <summary>
    /// Where the canvas is still unlike the picture: in each square of a brush's size its worst point, in random order.
    /// </summary>
    static List<(double X, double Y)> Places(
        StrokeGuide guide,
        PaintedCanvas canvas,
        double radius,
        double threshold,
        Random random
    )
    {
        List<(double, double)> places = [];
        for (double top = 0; top < canvas.Height; top += radius)
        {
            for (double left = 0; left < canvas.Width; left += radius)
            {
                (double sum, double worst, int count, double atX, double atY) = (0, -1, 0, 0, 0);
                foreach ((double x, double y) in guide.Within(left, top, radius))
                {
                    double difference = guide.Difference(x, y, canvas.At(x, y));
                    sum += difference;
                    count++;
                    if (difference > worst)
                        (worst, atX, atY) = (difference, x, y);
                }
                // The first brush covers all, each stroke beginning anywhere in its square.
                if (threshold < 0)
                    places.Add((left + random.NextDouble() * radius, top + random.NextDouble() * radius));
                else if (count > 0 && sum / count > threshold)
                    places.Add((atX, atY));
            }
        }
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(places));
        return places;
    }

    static void Paint(
        StrokeGuide guide,
        PaintedCanvas canvas,
        double x,
        double y,
        double radius,
        int least,
        int most,
        Random random
    )
    {
        const double Stiffness = 0.5; // how much of its direction a stroke keeps at each step
        (double R, double G, double B) color = guide.Color(x, y);
        List<(double X, double Y)> path = [(x, y)];
        (double dx, double dy) = (0, 0);
        double sense = random.Next(2) == 0 ? 1 : -1;
        while (path.Count <= most)
        {
            (double R, double G, double B) there = guide.Color(x, y);
            if (path.Count > least && Distance(there, canvas.At(x, y)) < Distance(there, color))
                break;
            (double tx, double ty) = guide.Along(x, y);
            if (path.Count == 1)
                (dx, dy) = (sense * tx, sense * ty);
            double turn = dx * tx + dy * ty < 0 ? -1 : 1;
            (dx, dy) = (Stiffness * dx + (1 - Stiffness) * turn * tx, Stiffness * dy + (1 - Stiffness) * turn * ty);
            double length = Math.Max(Math.Sqrt(dx * dx + dy * dy), 1e-9);
            (dx, dy) = (dx / length, dy / length);
            (x, y) = (x + radius * dx, y + radius * dy);
            path.Add((x, y));
            if (x < 0 || y < 0 || x >= canvas.Width || y >= canvas.Height)
                break;
        }
        double brightness = Uniform(random, -0.05, 0.05);
        canvas.Stroke(path, radius, (Mixed(color.R), Mixed(color.G), Mixed(color.B)), random);

        // Paint is never mixed twice alike.
        double Mixed(double value) => value + brightness + Uniform(random, -0.025, 0.025);
    }

    static double Distance((double R, double G, double B) a, (double R, double G, double B) b) =>
        Math.Sqrt((a.R - b.R) * (a.R - b.R) + (a.G - b.G) * (a.G - b.G) + (a.B - b.B) * (a.B - b.B));
}
