using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Retouch.Kernels;

/// <summary>Functions of 16 numbers, and squares of 16 by 16.</summary>
static unsafe class Simd
{
    /// <summary>
    /// e to the power of x, with a relative error of about 10⁻⁷ (Cephes' polynomial); 0 below −87, where numbers would
    /// be subnormal, which processors take a hundred cycles for.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // Of two operands the processor takes the second where one is NaN.
        Vector512<float> inside = Vector512.MaxNative(
            Vector512.Create(-87f),
            Vector512.MinNative(Vector512.Create(88f), x)
        );
        Vector512<float> n = Vector512.Round(inside * Vector512.Create(1.44269504f));
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), inside);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        Vector512<float> subnormal = Vector512.LessThan(x, Vector512.Create(-87f));
        return Vector512.ConditionalSelect(subnormal, Vector512<float>.Zero, Scale(p, n));
    }

    // p · 2ⁿ for whole n from −126 to 127.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Scale(Vector512<float> p, Vector512<float> n) =>
        Avx512F.IsSupported
            ? Avx512F.Scale(p, n)
            : p * ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();

    /// <summary>
    /// The standard normal distribution function Φ(x), with an error below 2·10⁻⁷, and exp(−x²/2). With z = |x|/√2 and
    /// t = 1/(1 + 0.4 z), erfc(z) is exp(−z²) times a polynomial in t, here through Chebyshev's points of 0 ≤ z ≤ 4.2.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Distribution, Vector512<float> Bell) Normal(Vector512<float> x)
    {
        Vector512<float> z = Vector512.Abs(x) * Vector512.Create(0.707106781f);
        Vector512<float> t = Reciprocal(Vector512.FusedMultiplyAdd(z, Vector512.Create(0.4f), Vector512<float>.One));
        Vector512<float> p = Vector512.Create(0.08045739808f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.4245681523f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.7461254115f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.4434084610f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.4548558925f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.1216680916f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.2402583880f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.2246114336f));
        Vector512<float> bell = Exp(-(z * z));
        Vector512<float> tail = p * t * bell * Vector512.Create(0.5f);
        Vector512<float> negative = Vector512.LessThan(x, Vector512<float>.Zero);
        return (Vector512.ConditionalSelect(negative, tail, Vector512<float>.One - tail), bell);
    }

    /// <summary>1/(1 + exp(−x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Reciprocal(Vector512<float>.One + Exp(-x));

    /// <summary>
    /// 1/x of normal numbers, with AVX-512 by one step of Newton's from the processor's 14 bits: a division takes
    /// several times as long.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Reciprocal(Vector512<float> x)
    {
        if (!Avx512F.IsSupported)
            return Vector512<float>.One / x;
        Vector512<float> y = Avx512F.Reciprocal14(x);
        return Vector512.FusedMultiplyAdd(y, Vector512.FusedMultiplyAdd(-x, y, Vector512<float>.One), y);
    }

    /// <summary>The maximum of 16 numbers; any of them or NaN where one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> x)
    {
        Vector256<float> half = Vector256.MaxNative(x.GetLower(), x.GetUpper());
        Vector128<float> quarter = Vector128.MaxNative(half.GetLower(), half.GetUpper());
        quarter = Vector128.MaxNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(1, 1, 1, 1))).ToScalar();
    }

    /// <summary>Writes 16 rows of 16 as columns.</summary>
    /// <param name="from">The first row.</param>
    /// <param name="strideFrom">Elements from one row to the next.</param>
    /// <param name="to">The first column.</param>
    /// <param name="strideTo">Elements from one column to the next.</param>
    /// <param name="columns">How many columns to write, at most 16.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose<S, D>(S* from, nint strideFrom, D* to, nint strideTo, int columns = 16)
        where S : unmanaged, IElement<S>
        where D : unmanaged, IElement<D>
    {
        if (!Avx512F.IsSupported)
        {
            TransposeEights(from, strideFrom, to, strideTo, columns);
            return;
        }
        // Pairs, fours, then quarters of registers; written out so that they stay in registers.
        Vector512<float> a0 = S.Load(from);
        Vector512<float> a1 = S.Load(from + 1 * strideFrom);
        Vector512<float> a2 = S.Load(from + 2 * strideFrom);
        Vector512<float> a3 = S.Load(from + 3 * strideFrom);
        Vector512<float> a4 = S.Load(from + 4 * strideFrom);
        Vector512<float> a5 = S.Load(from + 5 * strideFrom);
        Vector512<float> a6 = S.Load(from + 6 * strideFrom);
        Vector512<float> a7 = S.Load(from + 7 * strideFrom);
        Vector512<float> a8 = S.Load(from + 8 * strideFrom);
        Vector512<float> a9 = S.Load(from + 9 * strideFrom);
        Vector512<float> a10 = S.Load(from + 10 * strideFrom);
        Vector512<float> a11 = S.Load(from + 11 * strideFrom);
        Vector512<float> a12 = S.Load(from + 12 * strideFrom);
        Vector512<float> a13 = S.Load(from + 13 * strideFrom);
        Vector512<float> a14 = S.Load(from + 14 * strideFrom);
        Vector512<float> a15 = S.Load(from + 15 * strideFrom);
        Vector512<float> b0 = Avx512F.UnpackLow(a0, a1);
        Vector512<float> b1 = Avx512F.UnpackHigh(a0, a1);
        Vector512<float> b2 = Avx512F.UnpackLow(a2, a3);
        Vector512<float> b3 = Avx512F.UnpackHigh(a2, a3);
        Vector512<float> b4 = Avx512F.UnpackLow(a4, a5);
        Vector512<float> b5 = Avx512F.UnpackHigh(a4, a5);
        Vector512<float> b6 = Avx512F.UnpackLow(a6, a7);
        Vector512<float> b7 = Avx512F.UnpackHigh(a6, a7);
        Vector512<float> b8 = Avx512F.UnpackLow(a8, a9);
        Vector512<float> b9 = Avx512F.UnpackHigh(a8, a9);
        Vector512<float> b10 = Avx512F.UnpackLow(a10, a11);
        Vector512<float> b11 = Avx512F.UnpackHigh(a10, a11);
        Vector512<float> b12 = Avx512F.UnpackLow(a12, a13);
        Vector512<float> b13 = Avx512F.UnpackHigh(a12, a13);
        Vector512<float> b14 = Avx512F.UnpackLow(a14, a15);
        Vector512<float> b15 = Avx512F.UnpackHigh(a14, a15);
        Vector512<float> c0 = Low(b0, b2);
        Vector512<float> c1 = High(b0, b2);
        Vector512<float> c2 = Low(b1, b3);
        Vector512<float> c3 = High(b1, b3);
        Vector512<float> c4 = Low(b4, b6);
        Vector512<float> c5 = High(b4, b6);
        Vector512<float> c6 = Low(b5, b7);
        Vector512<float> c7 = High(b5, b7);
        Vector512<float> c8 = Low(b8, b10);
        Vector512<float> c9 = High(b8, b10);
        Vector512<float> c10 = Low(b9, b11);
        Vector512<float> c11 = High(b9, b11);
        Vector512<float> c12 = Low(b12, b14);
        Vector512<float> c13 = High(b12, b14);
        Vector512<float> c14 = Low(b13, b15);
        Vector512<float> c15 = High(b13, b15);
        Vector512<float> d0 = Even(c0, c4);
        Vector512<float> d4 = Odd(c0, c4);
        Vector512<float> d1 = Even(c1, c5);
        Vector512<float> d5 = Odd(c1, c5);
        Vector512<float> d2 = Even(c2, c6);
        Vector512<float> d6 = Odd(c2, c6);
        Vector512<float> d3 = Even(c3, c7);
        Vector512<float> d7 = Odd(c3, c7);
        Vector512<float> d8 = Even(c8, c12);
        Vector512<float> d12 = Odd(c8, c12);
        Vector512<float> d9 = Even(c9, c13);
        Vector512<float> d13 = Odd(c9, c13);
        Vector512<float> d10 = Even(c10, c14);
        Vector512<float> d14 = Odd(c10, c14);
        Vector512<float> d11 = Even(c11, c15);
        Vector512<float> d15 = Odd(c11, c15);
        if (columns == 16)
        {
            D.Store(to, Even(d0, d8));
            D.Store(to + 1 * strideTo, Even(d1, d9));
            D.Store(to + 2 * strideTo, Even(d2, d10));
            D.Store(to + 3 * strideTo, Even(d3, d11));
            D.Store(to + 4 * strideTo, Even(d4, d12));
            D.Store(to + 5 * strideTo, Even(d5, d13));
            D.Store(to + 6 * strideTo, Even(d6, d14));
            D.Store(to + 7 * strideTo, Even(d7, d15));
            D.Store(to + 8 * strideTo, Odd(d0, d8));
            D.Store(to + 9 * strideTo, Odd(d1, d9));
            D.Store(to + 10 * strideTo, Odd(d2, d10));
            D.Store(to + 11 * strideTo, Odd(d3, d11));
            D.Store(to + 12 * strideTo, Odd(d4, d12));
            D.Store(to + 13 * strideTo, Odd(d5, d13));
            D.Store(to + 14 * strideTo, Odd(d6, d14));
            D.Store(to + 15 * strideTo, Odd(d7, d15));
            return;
        }
        D* all = stackalloc D[16 * 16];
        D.Store(all, Even(d0, d8));
        D.Store(all + 1 * 16, Even(d1, d9));
        D.Store(all + 2 * 16, Even(d2, d10));
        D.Store(all + 3 * 16, Even(d3, d11));
        D.Store(all + 4 * 16, Even(d4, d12));
        D.Store(all + 5 * 16, Even(d5, d13));
        D.Store(all + 6 * 16, Even(d6, d14));
        D.Store(all + 7 * 16, Even(d7, d15));
        D.Store(all + 8 * 16, Odd(d0, d8));
        D.Store(all + 9 * 16, Odd(d1, d9));
        D.Store(all + 10 * 16, Odd(d2, d10));
        D.Store(all + 11 * 16, Odd(d3, d11));
        D.Store(all + 12 * 16, Odd(d4, d12));
        D.Store(all + 13 * 16, Odd(d5, d13));
        D.Store(all + 14 * 16, Odd(d6, d14));
        D.Store(all + 15 * 16, Odd(d7, d15));
        for (int i = 0; i < columns; i++)
            new ReadOnlySpan<D>(all + i * 16, 16).CopyTo(new Span<D>(to + i * strideTo, 16));
    }

    // Four squares of 8 by 8, for processors with 16 registers of 8 numbers.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TransposeEights<S, D>(S* from, nint strideFrom, D* to, nint strideTo, int columns)
        where S : unmanaged, IElement<S>
        where D : unmanaged, IElement<D>
    {
        const int Eight = 8;
        float* rows = stackalloc float[Shape.Lanes * Shape.Lanes];
        float* turned = stackalloc float[Shape.Lanes * Shape.Lanes];
        for (int i = 0; i < Shape.Lanes; i++)
            S.Load(from + i * strideFrom).Store(rows + i * Shape.Lanes);
        for (int row = 0; row < Shape.Lanes; row += Eight)
        {
            for (int column = 0; column < columns; column += Eight)
                Eights(rows + row * Shape.Lanes + column, turned + column * Shape.Lanes + row);
        }
        for (int i = 0; i < columns; i++)
            D.Store(to + i * strideTo, Vector512.Load(turned + i * Shape.Lanes));
    }

    // Of 16 numbers a row both.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Eights(float* from, float* to)
    {
        const int Row = Shape.Lanes;
        Vector256<float> a0 = Vector256.Load(from);
        Vector256<float> a1 = Vector256.Load(from + 1 * Row);
        Vector256<float> a2 = Vector256.Load(from + 2 * Row);
        Vector256<float> a3 = Vector256.Load(from + 3 * Row);
        Vector256<float> a4 = Vector256.Load(from + 4 * Row);
        Vector256<float> a5 = Vector256.Load(from + 5 * Row);
        Vector256<float> a6 = Vector256.Load(from + 6 * Row);
        Vector256<float> a7 = Vector256.Load(from + 7 * Row);
        Vector256<float> b0 = Avx.UnpackLow(a0, a1);
        Vector256<float> b1 = Avx.UnpackHigh(a0, a1);
        Vector256<float> b2 = Avx.UnpackLow(a2, a3);
        Vector256<float> b3 = Avx.UnpackHigh(a2, a3);
        Vector256<float> b4 = Avx.UnpackLow(a4, a5);
        Vector256<float> b5 = Avx.UnpackHigh(a4, a5);
        Vector256<float> b6 = Avx.UnpackLow(a6, a7);
        Vector256<float> b7 = Avx.UnpackHigh(a6, a7);
        Vector256<float> c0 = Avx.Shuffle(b0, b2, 0x44);
        Vector256<float> c1 = Avx.Shuffle(b0, b2, 0xEE);
        Vector256<float> c2 = Avx.Shuffle(b1, b3, 0x44);
        Vector256<float> c3 = Avx.Shuffle(b1, b3, 0xEE);
        Vector256<float> c4 = Avx.Shuffle(b4, b6, 0x44);
        Vector256<float> c5 = Avx.Shuffle(b4, b6, 0xEE);
        Vector256<float> c6 = Avx.Shuffle(b5, b7, 0x44);
        Vector256<float> c7 = Avx.Shuffle(b5, b7, 0xEE);
        Avx.Permute2x128(c0, c4, 0x20).Store(to);
        Avx.Permute2x128(c1, c5, 0x20).Store(to + 1 * Row);
        Avx.Permute2x128(c2, c6, 0x20).Store(to + 2 * Row);
        Avx.Permute2x128(c3, c7, 0x20).Store(to + 3 * Row);
        Avx.Permute2x128(c0, c4, 0x31).Store(to + 4 * Row);
        Avx.Permute2x128(c1, c5, 0x31).Store(to + 5 * Row);
        Avx.Permute2x128(c2, c6, 0x31).Store(to + 6 * Row);
        Avx.Permute2x128(c3, c7, 0x31).Store(to + 7 * Row);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Low(Vector512<float> x, Vector512<float> y) =>
        Avx512F.UnpackLow(x.AsDouble(), y.AsDouble()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> High(Vector512<float> x, Vector512<float> y) =>
        Avx512F.UnpackHigh(x.AsDouble(), y.AsDouble()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Even(Vector512<float> x, Vector512<float> y) => Avx512F.Shuffle4x128(x, y, 0x88);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Odd(Vector512<float> x, Vector512<float> y) => Avx512F.Shuffle4x128(x, y, 0xDD);
}
