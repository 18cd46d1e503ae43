using Retouch.Images;
using SkiaSharp;

namespace Retouch.Letters;

/// <summary>
/// Draws one character, coloured, on a textured ground under some light. Everything but the character comes
/// from the random numbers.
/// </summary>
static class LetterPainter
{
    /// <summary>The side of a picture in pixels.</summary>
    public const int Size = 32;

    // Drawn so much larger and scaled down, so that thin strokes stay.
    const int Scale = 4;
    const int Side = Size * Scale;
    const float LeastContrast = 0.46f; // in luma, of 0 to 1

    /// <summary>The picture, or null where the face lacks the character.</summary>
    public static RgbImage? Draw(SKTypeface face, char letter, Random random)
    {
        using SKFont font = new(face, Side);
        if (font.GetGlyph(letter) == 0)
            return null;
        using SKPath glyph = font.GetTextPath(letter.ToString(), new SKPoint(0, 0));
        using SKPath height = font.GetTextPath("H", new SKPoint(0, 0));
        SKRect box = glyph.TightBounds;
        if (box.Width < 1 || box.Height < 1)
            return null;

        float groundLuma = Uniform(random, 0.05f, 0.5f);
        if (random.Next(2) == 0)
            groundLuma = 1 - groundLuma;
        SKColor first = Colour(random, groundLuma);
        SKColor second = Colour(random, Math.Clamp(groundLuma + Uniform(random, -0.09f, 0.09f), 0.04f, 0.96f));
        float inkLuma =
            groundLuma < 0.5f
                ? Uniform(random, groundLuma + LeastContrast, 1)
                : Uniform(random, 0, groundLuma - LeastContrast);
        SKColor ink = Colour(random, inkLuma);
        SKColor inkEnd = Colour(random, Math.Clamp(inkLuma + Uniform(random, -0.08f, 0.08f), 0, 1));

        using SKBitmap bitmap = new(new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using SKCanvas canvas = new(bitmap);
        Ground(canvas, first, second, random);

        // Capitals of a face keep their sizes to each other, as on a page; what would not fit is made smaller.
        float capital = height.TightBounds.Height > 1 ? height.TightBounds.Height : box.Height;
        float scale = Math.Min(
            Uniform(random, 0.62f, 0.78f) * Side / capital,
            0.88f * Side / Math.Max(box.Width, box.Height)
        );
        float width = box.Width * scale;
        float tall = box.Height * scale;
        float room = 0.04f * Side;
        float x = Side / 2f + Uniform(random, -1, 1) * Math.Max(Math.Min((Side - width) / 2 - room, 0.05f * Side), 0);
        float y = Side / 2f + Uniform(random, -1, 1) * Math.Max(Math.Min((Side - tall) / 2 - room, 0.05f * Side), 0);
        SKMatrix place = SKMatrix
            .CreateTranslation(-box.MidX, -box.MidY)
            .PostConcat(SKMatrix.CreateScale(scale, scale))
            .PostConcat(SKMatrix.CreateSkew(Uniform(random, -0.06f, 0.06f), 0))
            .PostConcat(SKMatrix.CreateRotationDegrees(Uniform(random, -5, 5)))
            .PostConcat(SKMatrix.CreateTranslation(x, y));
        using SKPath placed = new();
        glyph.Transform(place, placed);

        if (random.NextDouble() < 0.25)
        {
            using SKPaint shadow = new()
            {
                IsAntialias = true,
                Color = SKColors.Black.WithAlpha(90),
                MaskFilter = SKMaskFilter.CreateBlur(SKBlurStyle.Normal, 3),
            };
            canvas.Save();
            canvas.Translate(Uniform(random, 3, 6), Uniform(random, 3, 6));
            canvas.DrawPath(placed, shadow);
            canvas.Restore();
        }
        using SKShader fill = SKShader.CreateLinearGradient(
            new SKPoint(0, 0),
            new SKPoint(Uniform(random, 0, Side), Side),
            [ink, inkEnd],
            SKShaderTileMode.Clamp
        );
        using (SKPaint paint = new() { IsAntialias = true, Shader = fill })
            canvas.DrawPath(placed, paint);
        Light(canvas, random);
        canvas.Flush();
        return Resampler.Resize(ToRgb(bitmap), Size, Size, Interpolation.Bicubic);
    }

    static void Ground(SKCanvas canvas, SKColor first, SKColor second, Random random)
    {
        canvas.Clear(first);
        using SKPaint paint = new() { IsAntialias = true, Color = second };
        switch (random.Next(7))
        {
            case 0:
                break;
            case 1:
                using (
                    SKShader gradient = SKShader.CreateLinearGradient(
                        Point(random),
                        Point(random),
                        [first, second],
                        SKShaderTileMode.Mirror
                    )
                )
                    Cover(canvas, gradient);
                break;
            case 2:
                using (
                    SKShader gradient = SKShader.CreateRadialGradient(
                        Point(random),
                        Uniform(random, 0.4f, 1) * Side,
                        [first, second],
                        SKShaderTileMode.Clamp
                    )
                )
                    Cover(canvas, gradient);
                break;
            case 3:
                float pitch = Uniform(random, 12, 36);
                canvas.Save();
                canvas.RotateDegrees(Uniform(random, 0, 180), Side / 2f, Side / 2f);
                for (float at = -Side; at < 2 * Side; at += pitch)
                    canvas.DrawRect(-Side, at, 3 * Side, pitch / 2, paint);
                canvas.Restore();
                break;
            case 4:
                for (int i = random.Next(20, 60); i > 0; i--)
                    canvas.DrawCircle(Point(random), Uniform(random, 2, 12), paint);
                break;
            case 5:
                using (
                    SKShader noise = SKShader.CreatePerlinNoiseFractalNoise(
                        Uniform(random, 0.02f, 0.12f),
                        Uniform(random, 0.02f, 0.12f),
                        3,
                        random.Next(1000)
                    )
                )
                using (SKPaint rough = new() { Shader = noise, BlendMode = SKBlendMode.SoftLight })
                    canvas.DrawRect(0, 0, Side, Side, rough);
                break;
            default:
                float cell = Uniform(random, 12, 30);
                for (int row = 0; row * cell < Side; row++)
                {
                    for (int column = row % 2; column * cell < Side; column += 2)
                        canvas.DrawRect(column * cell, row * cell, cell, cell, paint);
                }
                break;
        }
    }

    static void Light(SKCanvas canvas, Random random)
    {
        if (random.NextDouble() < 0.4)
            return;
        byte dark = (byte)random.Next(150, 230);
        using SKShader shade = SKShader.CreateRadialGradient(
            Point(random),
            Uniform(random, 0.7f, 1.3f) * Side,
            [SKColors.White, new SKColor(dark, dark, dark)],
            SKShaderTileMode.Clamp
        );
        using SKPaint paint = new() { Shader = shade, BlendMode = SKBlendMode.Multiply };
        canvas.DrawRect(0, 0, Side, Side, paint);
    }

    static void Cover(SKCanvas canvas, SKShader shader)
    {
        using SKPaint paint = new() { Shader = shader };
        canvas.DrawRect(0, 0, Side, Side, paint);
    }

    // A colour of any hue with a given luma: mixed with black or white until it fits.
    static SKColor Colour(Random random, float luma)
    {
        SKColor pure = SKColor.FromHsv((float)random.NextDouble() * 360, Uniform(random, 0, 100), 100);
        float own = Luma(pure);
        float share = luma < own ? luma / own : (1 - luma) / Math.Max(1 - own, 1e-3f);
        float other = luma < own ? 0 : 255;
        return new SKColor(Mix(pure.Red), Mix(pure.Green), Mix(pure.Blue));

        byte Mix(byte channel) => (byte)Math.Clamp(MathF.Round(channel * share + other * (1 - share)), 0, 255);
    }

    static float Luma(SKColor c) => (0.299f * c.Red + 0.587f * c.Green + 0.114f * c.Blue) / 255;

    static RgbImage ToRgb(SKBitmap bitmap)
    {
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        byte[] rgb = new byte[Side * Side * 3];
        for (int from = 0, to = 0; to < rgb.Length; from += 4, to += 3)
            rgba.Slice(from, 3).CopyTo(rgb.AsSpan(to));
        return new RgbImage(Side, Side, rgb);
    }

    static SKPoint Point(Random random) => new(Uniform(random, 0, Side), Uniform(random, 0, Side));

    static float Uniform(Random random, float from, float to) => from + (float)random.NextDouble() * (to - from);
}
