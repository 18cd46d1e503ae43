using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Retouch.Vit;
using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>
/// What is done to tokens between products, row by row, with sums in float32. Widths are multiples of 16.
/// </summary>
static unsafe class RowKernels<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>Layer normalization of rows <c>[m,width]</c>.</summary>
    /// <param name="x">The rows.</param>
    /// <param name="m">How many.</param>
    /// <param name="width">Their length.</param>
    /// <param name="weight"><c>[width]</c>.</param>
    /// <param name="bias"><c>[width]</c>.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="y">The normed rows.</param>
    /// <param name="strideY">Elements from one of them to the next.</param>
    /// <param name="statistics">Gets mean and inverse standard deviation of each row, <c>[m,2]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Norm(
        float* x,
        int m,
        int width,
        float* weight,
        float* bias,
        float epsilon,
        T* y,
        int strideY,
        float* statistics
    )
    {
        for (int row = 0; row < m; row++, x += width, y += strideY, statistics += 2)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            Vector512<float> square = Vector512<float>.Zero;
            for (int i = 0; i < width; i += Lanes)
                sum += Vector512.Load(x + i);
            Vector512<float> mean = Vector512.Create(Vector512.Sum(sum) / width);
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> centred = Vector512.Load(x + i) - mean;
                square = Vector512.FusedMultiplyAdd(centred, centred, square);
            }
            float inverse = 1 / MathF.Sqrt(Vector512.Sum(square) / width + epsilon);
            Vector512<float> scale = Vector512.Create(inverse);
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> normed = (Vector512.Load(x + i) - mean) * scale;
                Vector512<float> gain = Vector512.Load(weight + i);
                T.Store(y + i, Vector512.FusedMultiplyAdd(normed, gain, Vector512.Load(bias + i)));
            }
            (statistics[0], statistics[1]) = (mean.ToScalar(), inverse);
        }
    }

    /// <summary>The gradient of the rows of a layer normalization, added to <paramref name="sum"/>.</summary>
    /// <param name="gradient">Of the normed rows, <c>[m,width]</c>.</param>
    /// <param name="x">The rows.</param>
    /// <param name="statistics">Of the rows.</param>
    /// <param name="m">How many.</param>
    /// <param name="width">Their length.</param>
    /// <param name="weight"><c>[width]</c>.</param>
    /// <param name="sum"><c>[m,width]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void NormBackward(
        float* gradient,
        float* x,
        float* statistics,
        int m,
        int width,
        float* weight,
        float* sum
    )
    {
        for (int row = 0; row < m; row++, gradient += width, x += width, statistics += 2, sum += width)
        {
            Vector512<float> mean = Vector512.Create(statistics[0]);
            Vector512<float> inverse = Vector512.Create(statistics[1]);
            Vector512<float> sumGradient = Vector512<float>.Zero;
            Vector512<float> sumProduct = Vector512<float>.Zero;
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> g = Vector512.Load(gradient + i) * Vector512.Load(weight + i);
                sumGradient += g;
                sumProduct = Vector512.FusedMultiplyAdd(g, (Vector512.Load(x + i) - mean) * inverse, sumProduct);
            }
            Vector512<float> meanGradient = Vector512.Create(Vector512.Sum(sumGradient) / width);
            Vector512<float> meanProduct = Vector512.Create(Vector512.Sum(sumProduct) / width);
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> g = Vector512.Load(gradient + i) * Vector512.Load(weight + i);
                Vector512<float> normed = (Vector512.Load(x + i) - mean) * inverse;
                Vector512<float> centred = g - meanGradient - normed * meanProduct;
                Vector512.FusedMultiplyAdd(centred, inverse, Vector512.Load(sum + i)).Store(sum + i);
            }
        }
    }

    /// <summary>The activation of hidden units, and its derivative.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="x">Products, <c>[m,width]</c>.</param>
    /// <param name="m">Rows.</param>
    /// <param name="width">Units.</param>
    /// <param name="bias">Added to them, <c>[width]</c>.</param>
    /// <param name="mask">What each unit is multiplied by, <c>[width]</c>; null for 1.</param>
    /// <param name="y">The activations, <c>[m,width]</c>.</param>
    /// <param name="strideY">Elements from one of their rows to the next.</param>
    /// <param name="derivatives">The derivatives, <c>[m,stride]</c>; null to ignore.</param>
    /// <param name="strideDerivatives">Elements from one of their rows to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Activate(
        VitActivation kind,
        float* x,
        int m,
        int width,
        float* bias,
        float* mask,
        T* y,
        int strideY,
        T* derivatives,
        int strideDerivatives
    )
    {
        switch (kind)
        {
            case VitActivation.Gelu:
                Activate<Gelu>(x, m, width, bias, mask, y, strideY, derivatives, strideDerivatives);
                break;
            case VitActivation.GeluTanh:
                Activate<GeluTanh>(x, m, width, bias, mask, y, strideY, derivatives, strideDerivatives);
                break;
            default:
                Activate<QuickGelu>(x, m, width, bias, mask, y, strideY, derivatives, strideDerivatives);
                break;
        }
    }

    /// <summary>Products <c>[m,width]</c> times derivatives, as elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Times(float* x, int m, int width, T* derivatives, int strideDerivatives, T* y, int strideY)
    {
        for (int row = 0; row < m; row++, x += width, derivatives += strideDerivatives, y += strideY)
        {
            for (int i = 0; i < width; i += Lanes)
                T.Store(y + i, Vector512.Load(x + i) * T.Load(derivatives + i));
        }
    }

    /// <summary>A residual sum: rows plus products with their bias, times a scale.</summary>
    /// <param name="x">The rows, <c>[m,width]</c>.</param>
    /// <param name="y">The products, <c>[m,width]</c>.</param>
    /// <param name="m">Rows.</param>
    /// <param name="width">Their length.</param>
    /// <param name="bias"><c>[width]</c>; null for 0.</param>
    /// <param name="scale"><c>[width]</c>; null for 1.</param>
    /// <param name="to">The sum, <c>[m,width]</c>; may be <paramref name="x"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* x, float* y, int m, int width, float* bias, float* scale, float* to)
    {
        for (int row = 0; row < m; row++, x += width, y += width, to += width)
        {
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> value = Vector512.Load(y + i);
                if (bias is not null)
                    value += Vector512.Load(bias + i);
                if (scale is not null)
                    value *= Vector512.Load(scale + i);
                (Vector512.Load(x + i) + value).Store(to + i);
            }
        }
    }

    /// <summary>Rows as elements, times a scale.</summary>
    /// <param name="x"><c>[m,width]</c>.</param>
    /// <param name="m">Rows.</param>
    /// <param name="width">Their length.</param>
    /// <param name="scale"><c>[width]</c>; null for 1.</param>
    /// <param name="to"><c>[m,width]</c>.</param>
    /// <param name="strideTo">Elements from one of its rows to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* x, int m, int width, float* scale, T* to, int strideTo)
    {
        for (int row = 0; row < m; row++, x += width, to += strideTo)
        {
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> value = Vector512.Load(x + i);
                T.Store(to + i, scale is null ? value : value * Vector512.Load(scale + i));
            }
        }
    }

    /// <summary>Rows plus scaled ones, as elements.</summary>
    /// <param name="x"><c>[m,width]</c>.</param>
    /// <param name="y">What is scaled, <c>[m,width]</c>; null for 0.</param>
    /// <param name="scale">What all of it is multiplied by.</param>
    /// <param name="scales">And each row, <c>[m]</c>; null for 1.</param>
    /// <param name="m">Rows.</param>
    /// <param name="width">Their length.</param>
    /// <param name="to"><c>[m,width]</c>; may be <paramref name="x"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sum(float* x, float* y, float scale, float* scales, int m, int width, T* to)
    {
        for (int row = 0; row < m; row++, x += width, to += width)
        {
            Vector512<float> factor = Vector512.Create(scales is null ? scale : scale * scales[row]);
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> value = Vector512.Load(x + i);
                T.Store(to + i, y is null ? value : Vector512.FusedMultiplyAdd(Vector512.Load(y + i), factor, value));
            }
            if (y is not null)
                y += width;
        }
    }

    /// <summary>Adds a bias to a row, and multiplies by a scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Shift(float* x, int width, float* bias, float scale)
    {
        Vector512<float> factor = Vector512.Create(scale);
        for (int i = 0; i < width; i += Lanes)
        {
            Vector512<float> value = Vector512.Load(x + i);
            ((bias is null ? value : value + Vector512.Load(bias + i)) * factor).Store(x + i);
        }
    }

    /// <summary>The same, as elements somewhere else.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ShiftTo(float* x, int width, float* bias, float scale, T* to)
    {
        Vector512<float> factor = Vector512.Create(scale);
        for (int i = 0; i < width; i += Lanes)
        {
            Vector512<float> value = Vector512.Load(x + i);
            T.Store(to + i, (bias is null ? value : value + Vector512.Load(bias + i)) * factor);
        }
    }

    /// <summary>The scalar products of a vector with each of n rows.</summary>
    /// <param name="x"><c>[width]</c>.</param>
    /// <param name="rows"><c>[n,width]</c>.</param>
    /// <param name="stride">Elements from one of them to the next.</param>
    /// <param name="width">Their length.</param>
    /// <param name="n">How many.</param>
    /// <param name="to"><c>[n]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots(float* x, T* rows, int stride, int width, int n, float* to)
    {
        int row = 0;
        // Four sums that do not wait for each other.
        for (; row + 4 <= n; row += 4, rows += 4L * stride)
        {
            Vector512<float> a = Vector512<float>.Zero;
            Vector512<float> b = Vector512<float>.Zero;
            Vector512<float> c = Vector512<float>.Zero;
            Vector512<float> d = Vector512<float>.Zero;
            for (int i = 0; i < width; i += Lanes)
            {
                Vector512<float> factor = Vector512.Load(x + i);
                a = Vector512.FusedMultiplyAdd(factor, T.Load(rows + i), a);
                b = Vector512.FusedMultiplyAdd(factor, T.Load(rows + stride + i), b);
                c = Vector512.FusedMultiplyAdd(factor, T.Load(rows + 2L * stride + i), c);
                d = Vector512.FusedMultiplyAdd(factor, T.Load(rows + 3L * stride + i), d);
            }
            (to[row], to[row + 1]) = (Vector512.Sum(a), Vector512.Sum(b));
            (to[row + 2], to[row + 3]) = (Vector512.Sum(c), Vector512.Sum(d));
        }
        for (; row < n; row++, rows += stride)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            for (int i = 0; i < width; i += Lanes)
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(x + i), T.Load(rows + i), sum);
            to[row] = Vector512.Sum(sum);
        }
    }

    /// <summary>A sum of n rows, each times a number.</summary>
    /// <param name="numbers"><c>[n]</c>.</param>
    /// <param name="rows"><c>[n,width]</c>.</param>
    /// <param name="stride">Elements from one of them to the next.</param>
    /// <param name="width">Their length.</param>
    /// <param name="n">How many.</param>
    /// <param name="to"><c>[width]</c>, as elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mix(float* numbers, T* rows, int stride, int width, int n, T* to)
    {
        int at = 0;
        // A line of the cache after the other.
        for (; at + 4 * Lanes <= width; at += 4 * Lanes)
        {
            Vector512<float> a = Vector512<float>.Zero;
            Vector512<float> b = Vector512<float>.Zero;
            Vector512<float> c = Vector512<float>.Zero;
            Vector512<float> d = Vector512<float>.Zero;
            T* from = rows + at;
            for (int row = 0; row < n; row++, from += stride)
            {
                Vector512<float> factor = Vector512.Create(numbers[row]);
                a = Vector512.FusedMultiplyAdd(factor, T.Load(from), a);
                b = Vector512.FusedMultiplyAdd(factor, T.Load(from + Lanes), b);
                c = Vector512.FusedMultiplyAdd(factor, T.Load(from + 2 * Lanes), c);
                d = Vector512.FusedMultiplyAdd(factor, T.Load(from + 3 * Lanes), d);
            }
            T.Store(to + at, a);
            T.Store(to + at + Lanes, b);
            T.Store(to + at + 2 * Lanes, c);
            T.Store(to + at + 3 * Lanes, d);
        }
        for (; at < width; at += Lanes)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            T* from = rows + at;
            for (int row = 0; row < n; row++, from += stride)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(numbers[row]), T.Load(from), sum);
            T.Store(to + at, sum);
        }
    }

    /// <summary>m sums of the same n vectors, each sum with numbers of its own.</summary>
    /// <param name="numbers"><c>[n,stride]</c>, of which the first m columns are read.</param>
    /// <param name="stride">Numbers from one vector's to the next's.</param>
    /// <param name="vectors"><c>[n,width]</c>.</param>
    /// <param name="n">How many.</param>
    /// <param name="width">Their length.</param>
    /// <param name="m">Sums.</param>
    /// <param name="add">Whether they are added to what is there.</param>
    /// <param name="to"><c>[m,width]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mixtures(
        float* numbers,
        int stride,
        float* vectors,
        int n,
        int width,
        int m,
        bool add,
        float* to
    )
    {
        int at = 0;
        for (; at + 4 * Lanes <= width; at += 4 * Lanes)
        {
            for (int row = 0; row < m; row++)
            {
                float* sum = to + (long)row * width + at;
                Vector512<float> a = add ? Vector512.Load(sum) : Vector512<float>.Zero;
                Vector512<float> b = add ? Vector512.Load(sum + Lanes) : Vector512<float>.Zero;
                Vector512<float> c = add ? Vector512.Load(sum + 2 * Lanes) : Vector512<float>.Zero;
                Vector512<float> d = add ? Vector512.Load(sum + 3 * Lanes) : Vector512<float>.Zero;
                float* from = vectors + at;
                for (int i = 0; i < n; i++, from += width)
                {
                    Vector512<float> factor = Vector512.Create(numbers[(long)i * stride + row]);
                    a = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from), a);
                    b = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + Lanes), b);
                    c = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + 2 * Lanes), c);
                    d = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + 3 * Lanes), d);
                }
                a.Store(sum);
                b.Store(sum + Lanes);
                c.Store(sum + 2 * Lanes);
                d.Store(sum + 3 * Lanes);
            }
        }
        for (; at < width; at += Lanes)
        {
            for (int row = 0; row < m; row++)
            {
                float* to16 = to + (long)row * width + at;
                Vector512<float> sum = add ? Vector512.Load(to16) : Vector512<float>.Zero;
                for (int i = 0; i < n; i++)
                {
                    Vector512<float> factor = Vector512.Create(numbers[(long)i * stride + row]);
                    sum = Vector512.FusedMultiplyAdd(factor, Vector512.Load(vectors + (long)i * width + at), sum);
                }
                sum.Store(to16);
            }
        }
    }

    /// <summary>Softmax over the first <paramref name="n"/> of each row's values; zero after them.</summary>
    /// <param name="x">The rows, <c>[m,stride]</c>, changed.</param>
    /// <param name="m">How many.</param>
    /// <param name="n">Values of a row.</param>
    /// <param name="stride">n up to a multiple of 16.</param>
    /// <param name="y"><c>[m,stride]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* x, int m, int n, int stride, T* y)
    {
        int last = stride - Lanes;
        Vector512<float> outside = Vector512.GreaterThanOrEqual(
            Vector512<float>.Indices,
            Vector512.Create((float)(n - last))
        );
        Vector512<float> least = Vector512.Create(float.NegativeInfinity);
        // All rows' maximum values first: found just before a row's exponentials, these would wait for them.
        float* maximum = stackalloc float[m];
        for (int row = 0; row < m; row++)
        {
            float* values = x + (long)row * stride;
            Vector512<float> most = Vector512.ConditionalSelect(outside, least, Vector512.Load(values + last));
            Vector512<float> other = most;
            most.Store(values + last);
            int i = 0;
            for (; i + Lanes < last; i += 2 * Lanes)
            {
                most = Vector512.MaxNative(most, Vector512.Load(values + i));
                other = Vector512.MaxNative(other, Vector512.Load(values + i + Lanes));
            }
            if (i < last)
                most = Vector512.MaxNative(most, Vector512.Load(values + i));
            maximum[row] = Simd.Max(Vector512.MaxNative(most, other));
        }
        for (int row = 0; row < m; row++, x += stride, y += stride)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            Vector512<float> most = Vector512.Create(maximum[row]);
            for (int i = 0; i < stride; i += Lanes)
            {
                Vector512<float> e = Simd.Exp(Vector512.Load(x + i) - most);
                sum += e;
                e.Store(x + i);
            }
            Vector512<float> inverse = Vector512.Create(1 / Vector512.Sum(sum));
            for (int i = 0; i < stride; i += Lanes)
                T.Store(y + i, Vector512.Load(x + i) * inverse);
        }
    }

    /// <summary>The gradient of softmax's rows: y·(g − Σ g·y).</summary>
    /// <param name="gradient">Of its results, <c>[m,stride]</c>.</param>
    /// <param name="y">Its results.</param>
    /// <param name="m">Rows.</param>
    /// <param name="stride">Their length.</param>
    /// <param name="to"><c>[m,stride]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftmaxBackward(float* gradient, T* y, int m, int stride, T* to)
    {
        for (int row = 0; row < m; row++, gradient += stride, y += stride, to += stride)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            for (int i = 0; i < stride; i += Lanes)
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(gradient + i), T.Load(y + i), sum);
            Vector512<float> mean = Vector512.Create(Vector512.Sum(sum));
            for (int i = 0; i < stride; i += Lanes)
                T.Store(to + i, T.Load(y + i) * (Vector512.Load(gradient + i) - mean));
        }
    }

    /// <summary>Writes elements <c>[rows,columns]</c> as <c>[columns,rows]</c>.</summary>
    /// <param name="from">The first row; readable up to a multiple of 16 rows.</param>
    /// <param name="strideFrom">Elements from one row to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="columns">A multiple of 16.</param>
    /// <param name="to">The first column.</param>
    /// <param name="strideTo">Elements from one column to the next.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(T* from, int strideFrom, int rows, int columns, T* to, int strideTo)
    {
        T* last = stackalloc T[Lanes * Lanes];
        for (int row = 0; row < rows; row += Lanes)
        {
            int count = Math.Min(Lanes, rows - row);
            for (int column = 0; column < columns; column += Lanes)
            {
                T* source = from + (long)row * strideFrom + column;
                T* target = to + (long)column * strideTo + row;
                if (count == Lanes)
                {
                    Simd.Transpose(source, strideFrom, target, strideTo);
                    continue;
                }
                Simd.Transpose(source, strideFrom, last, Lanes);
                for (int i = 0; i < Lanes; i++)
                {
                    Span<T> part = new(target + (long)i * strideTo, count);
                    new ReadOnlySpan<T>(last + i * Lanes, count).CopyTo(part);
                }
            }
        }
    }

    /// <summary>Writes float32 columns <c>[columns,stride]</c> as rows of elements.</summary>
    /// <param name="from">The first column.</param>
    /// <param name="strideFrom">Elements from one column to the next, a multiple of 16.</param>
    /// <param name="rows">Rows to write.</param>
    /// <param name="columns">A multiple of 16.</param>
    /// <param name="to">The first row.</param>
    /// <param name="strideTo">Elements from one row to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransposeSums(float* from, int strideFrom, int rows, int columns, T* to, int strideTo)
    {
        for (int row = 0; row < rows; row += Lanes)
        {
            for (int column = 0; column < columns; column += Lanes)
            {
                Fp32* source = (Fp32*)from + (long)column * strideFrom + row;
                T* target = to + (long)row * strideTo + column;
                Simd.Transpose(source, strideFrom, target, strideTo, Math.Min(Lanes, rows - row));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Activate<A>(
        float* x,
        int m,
        int width,
        float* bias,
        float* mask,
        T* y,
        int strideY,
        T* derivatives,
        int strideDerivatives
    )
        where A : struct, IActivation
    {
        for (int row = 0; row < m; row++, x += width, y += strideY)
        {
            for (int i = 0; i < width; i += Lanes)
            {
                (Vector512<float> value, Vector512<float> derivative) = A.Of(
                    Vector512.Load(x + i) + Vector512.Load(bias + i)
                );
                if (mask is not null)
                {
                    value *= Vector512.Load(mask + i);
                    derivative *= Vector512.Load(mask + i);
                }
                T.Store(y + i, value);
                if (derivatives is not null)
                    T.Store(derivatives + i, derivative);
            }
            if (derivatives is not null)
                derivatives += strideDerivatives;
        }
    }

    interface IActivation
    {
        static abstract (Vector512<float> Value, Vector512<float> Derivative) Of(Vector512<float> x);
    }

    readonly struct Gelu : IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> Value, Vector512<float> Derivative) Of(Vector512<float> x)
        {
            (Vector512<float> distribution, Vector512<float> bell) = Simd.Normal(x);
            Vector512<float> derivative = Vector512.FusedMultiplyAdd(
                x * bell,
                Vector512.Create(0.398942280f),
                distribution
            );
            return (x * distribution, derivative);
        }
    }

    readonly struct GeluTanh : IActivation
    {
        // (1 + tanh u)/2 is σ(2u).
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> Value, Vector512<float> Derivative) Of(Vector512<float> x)
        {
            Vector512<float> square = x * x;
            Vector512<float> first = Vector512.Create(1.595769122f);
            Vector512<float> gate = Simd.Sigmoid(
                x * Vector512.FusedMultiplyAdd(square, Vector512.Create(0.0713548163f), first)
            );
            Vector512<float> inner = Vector512.FusedMultiplyAdd(square, Vector512.Create(0.2140644488f), first);
            return (x * gate, Vector512.FusedMultiplyAdd(x * gate * (Vector512<float>.One - gate), inner, gate));
        }
    }

    readonly struct QuickGelu : IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> Value, Vector512<float> Derivative) Of(Vector512<float> x)
        {
            Vector512<float> gate = Simd.Sigmoid(x * Vector512.Create(1.702f));
            Vector512<float> rest = x * gate * (Vector512<float>.One - gate);
            return (x * gate, Vector512.FusedMultiplyAdd(rest, Vector512.Create(1.702f), gate));
        }
    }
}
