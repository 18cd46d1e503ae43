using System.Drawing;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Retouch.Images;

/// <summary>
/// Resizes exactly as PIL's <c>Image.resize</c> does, bit for bit. Vision transformers are trained
/// on PIL's pixels, and other resizers' differences are enough to change their answers.
/// </summary>
public static class Resampler
{
    // Adding a half before the shift rounds to nearest.
    const int Half = 1 << (ResampleKernel.PrecisionBits - 1);

    /// <summary>The image at another size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A side is not positive, or the result too large (<see cref="RgbImage.MaxPixels"/>).
    /// </exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation) =>
        Resize(image, width, height, interpolation, new RectangleF(0, 0, image.Width, image.Height));

    /// <summary>
    /// The part of the image inside <paramref name="box"/> (in its pixels, fractions allowed) at another
    /// size. Near the box's border, pixels outside of it contribute, as in PIL's <c>resize(size, resample, box)</c>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A side is not positive, the result too large (<see cref="RgbImage.MaxPixels"/>), or the box empty or partly
    /// outside of the image.
    /// </exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation, RectangleF box)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, RgbImage.MaxPixels, nameof(width));
        // Negated, so that NaN is refused, too.
        if (
            !(
                box.Left >= 0
                && box.Top >= 0
                && box.Right <= image.Width
                && box.Bottom <= image.Height
                && box.Right > box.Left
                && box.Bottom > box.Top
            )
        )
        {
            throw new ArgumentOutOfRangeException(
                nameof(box),
                box,
                $"must be a part of the {image.Width}x{image.Height} image"
            );
        }
        return Resize(
            image,
            ResampleKernel.Create(image.Width, box.Left, box.Right, width, 0, width, interpolation),
            ResampleKernel.Create(image.Height, box.Top, box.Bottom, height, 0, height, interpolation)
        );
    }

    internal static RgbImage Resize(RgbImage image, ResampleKernel columns, ResampleKernel rows)
    {
        int usedRows = rows.End - rows.First;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)columns.Count * usedRows, RgbImage.MaxPixels, "width");
        ReadOnlySpan<byte> source = image.Pixels.Slice(rows.First * image.Width * 3, usedRows * image.Width * 3);
        byte[] result = Horizontal(source, image.Width, columns);
        return new RgbImage(
            columns.Count,
            rows.Count,
            rows.IsIdentity ? result : Vertical(result, columns.Count * 3, rows)
        );
    }

    static byte[] Horizontal(ReadOnlySpan<byte> source, int width, ResampleKernel columns)
    {
        int height = source.Length / (width * 3);
        byte[] result = new byte[height * columns.Count * 3];
        // A row widened once to one vector a pixel makes each tap one multiply and one add.
        Vector128<int>[] row = columns.IsIdentity ? [] : new Vector128<int>[columns.End - columns.First];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> from = source.Slice((y * width + columns.First) * 3, (columns.End - columns.First) * 3);
            Span<byte> to = result.AsSpan(y * columns.Count * 3, columns.Count * 3);
            if (columns.IsIdentity)
            {
                from.CopyTo(to);
                continue;
            }
            for (int x = 0; x < row.Length; x++)
            {
                row[x] = Vector128.Create(from[x * 3], from[x * 3 + 1], from[x * 3 + 2], 0);
            }
            for (int x = 0; x < columns.Count; x++)
            {
                ReadOnlySpan<int> weights = columns.Weights(x);
                ReadOnlySpan<Vector128<int>> taps = row.AsSpan(columns.Start(x) - columns.First, weights.Length);
                Vector128<int> sum = Vector128.Create(Half);
                for (int k = 0; k < weights.Length; k++)
                {
                    sum += taps[k] * weights[k];
                }
                sum = Vector128.Clamp(sum >> ResampleKernel.PrecisionBits, Vector128<int>.Zero, Vector128.Create(255));
                to[x * 3] = (byte)sum[0];
                to[x * 3 + 1] = (byte)sum[1];
                to[x * 3 + 2] = (byte)sum[2];
            }
        }
        return result;
    }

    static byte[] Vertical(ReadOnlySpan<byte> source, int stride, ResampleKernel rows)
    {
        byte[] result = new byte[rows.Count * stride];
        for (int y = 0; y < rows.Count; y++)
        {
            ReadOnlySpan<int> weights = rows.Weights(y);
            ReadOnlySpan<byte> taps = source.Slice((rows.Start(y) - rows.First) * stride, weights.Length * stride);
            Span<byte> to = result.AsSpan(y * stride, stride);
            int x = 0;
            for (; x <= stride - Vector<byte>.Count; x += Vector<byte>.Count)
            {
                MixColumns(taps[x..], stride, weights).CopyTo(to[x..]);
            }
            for (; x < stride; x++)
            {
                int sum = Half;
                for (int k = 0; k < weights.Length; k++)
                {
                    sum += taps[k * stride + x] * weights[k];
                }
                to[x] = (byte)Math.Clamp(sum >> ResampleKernel.PrecisionBits, 0, 255);
            }
        }
        return result;
    }

    static Vector<byte> MixColumns(ReadOnlySpan<byte> taps, int stride, ReadOnlySpan<int> weights)
    {
        Vector<int> a = new(Half);
        Vector<int> b = a;
        Vector<int> c = a;
        Vector<int> d = a;
        for (int k = 0; k < weights.Length; k++)
        {
            Vector.Widen(new Vector<byte>(taps[(k * stride)..]), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low, out Vector<uint> v0, out Vector<uint> v1);
            Vector.Widen(high, out Vector<uint> v2, out Vector<uint> v3);
            Vector<int> weight = new(weights[k]);
            a += v0.As<uint, int>() * weight;
            b += v1.As<uint, int>() * weight;
            c += v2.As<uint, int>() * weight;
            d += v3.As<uint, int>() * weight;
        }
        return Vector.Narrow(
            Vector.Narrow(ToByteRange(a), ToByteRange(b)),
            Vector.Narrow(ToByteRange(c), ToByteRange(d))
        );
    }

    static Vector<uint> ToByteRange(Vector<int> sum) =>
        Vector.Clamp(sum >> ResampleKernel.PrecisionBits, Vector<int>.Zero, new Vector<int>(255)).As<int, uint>();
}
