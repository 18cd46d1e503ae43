using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>Sizes that kernels need.</summary>
static class Shape
{
    /// <summary>Elements of a vector of float32.</summary>
    public const int Lanes = 16;

    /// <summary>Columns of a packed matrix's panel at most: what products were fastest with among 64 to 768.</summary>
    public const int MostPanelColumns = 128;

    /// <summary>The least multiple of <paramref name="of"/> that is not below <paramref name="n"/>.</summary>
    public static int Up(int n, int of = Lanes) => (n + of - 1) / of * of;

    /// <summary>Columns of a panel of a packed matrix of <paramref name="n"/>.</summary>
    public static int PanelColumns(int n)
    {
        int panels = Math.Max((n + MostPanelColumns - 1) / MostPanelColumns, 1);
        return Math.Max(Up((n + panels - 1) / panels), Lanes);
    }
}

/// <summary>
/// The second factor of products, <c>[k,n]</c>, cut into panels of columns that the caches hold, one after the other.
/// A panel is <c>[k,w]</c> in float32 and <c>[k/2,w,2]</c> in bfloat16. Owns its memory.
/// </summary>
sealed unsafe class PackedMatrix<T> : IDisposable
    where T : unmanaged, IElement<T>
{
    // Rows that one call takes.
    const int MostRows = 768;

    readonly AlignedBuffer<T> _memory;
    readonly int _k; // up to an even number
    readonly int _n; // up to a multiple of 16

    /// <summary>Zeros.</summary>
    public PackedMatrix(int k, int n)
    {
        (_k, _n) = (Up(k, 2), Up(n));
        Width = PanelColumns(_n);
        _memory = new AlignedBuffer<T>((long)_k * Up(_n, Width), zeros: true);
    }

    /// <summary>Columns of a panel, w, a multiple of 16; the last may have fewer in use.</summary>
    public int Width { get; }

    /// <summary>A matrix of rows, <c>[k,n]</c>, n a multiple of 16.</summary>
    public static PackedMatrix<T> OfRows(T* from, int k, int n)
    {
        PackedMatrix<T> matrix = new(k, n);
        matrix.PutRows(from, n, k, n);
        return matrix;
    }

    /// <summary>
    /// A matrix of the rows <c>[n,k]</c> as columns; n is a multiple of 16, and k of that many elements as a vector
    /// has.
    /// </summary>
    public static PackedMatrix<T> OfColumns(T* from, int k, int n)
    {
        PackedMatrix<T> matrix = new(k, n);
        matrix.PutColumns(from, k, n);
        return matrix;
    }

    /// <summary>A product with some of the rows, <c>[m,k] · [k,n]</c>, over or added to <c>[m,n]</c>.</summary>
    /// <param name="m">Rows of the first factor.</param>
    /// <param name="a">The first factor.</param>
    /// <param name="strideA">Elements from one of its rows to the next.</param>
    /// <param name="c">The product.</param>
    /// <param name="strideC">Elements from one of its rows to the next.</param>
    /// <param name="add">Whether it is added.</param>
    /// <param name="from">The first row of the second factor, even.</param>
    /// <param name="rows">How many, or −1 for all.</param>
    public void Product(
        int m,
        T* a,
        int strideA,
        float* c,
        int strideC,
        bool add = false,
        int from = 0,
        int rows = -1
    ) => Product(m, a, strideA, c, strideC, add, from, rows < 0 ? _k : rows, 0, _n);

    /// <summary>A product with some of the columns, from a panel's first on.</summary>
    /// <param name="m">Rows of the first factor.</param>
    /// <param name="a">The first factor.</param>
    /// <param name="strideA">Elements from one of its rows to the next.</param>
    /// <param name="c">The product, <c>[m,columns]</c>.</param>
    /// <param name="strideC">Elements from one of its rows to the next.</param>
    /// <param name="first">The first column, of a panel.</param>
    /// <param name="columns">How many.</param>
    public void Columns(int m, T* a, int strideA, float* c, int strideC, int first, int columns) =>
        Product(m, a, strideA, c - first, strideC, false, 0, _k, first, first + columns);

    void Product(int m, T* a, int strideA, float* c, int strideC, bool add, int from, int k, int first, int end)
    {
        if (m == 0)
            return;
        for (int column = first; column < end; column += Width)
        {
            T* panel = _memory.Start + (long)column * _k + (long)from * Width;
            for (int row = 0; row < k; row += MostRows)
            {
                int columns = Math.Min(Width, end - column);
                int rows = Math.Min(MostRows, k - row);
                T* factor = panel + (long)row * Width;
                T.Product(m, columns, rows, a + row, strideA, factor, Width, c + column, strideC, add || row > 0);
            }
        }
        GC.KeepAlive(_memory);
    }

    /// <summary>Puts rows in place, <c>[rows,columns]</c>.</summary>
    /// <param name="from">The first row.</param>
    /// <param name="stride">Elements from one row to the next.</param>
    /// <param name="rows">How many; after an odd number a row of zeros follows where rows lie in pairs.</param>
    /// <param name="columns">A multiple of 16.</param>
    /// <param name="at">Where the first row goes, even.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutRows(T* from, int stride, int rows, int columns, int at = 0)
    {
        for (int column = 0; column < columns; column += Width)
        {
            int width = Math.Min(Width, columns - column);
            T* panel = _memory.Start + (long)column * _k + (long)at * Width;
            for (int row = 0; row < rows; row += T.Depth)
            {
                T* first = from + (long)row * stride + column;
                T* second = row + 1 < rows ? first + stride : null;
                T* to = panel + (long)row * Width;
                for (int i = 0; i < width; i += Lanes)
                    T.Interleave(to + i * T.Depth, first + i, second is null ? null : second + i);
            }
        }
    }

    /// <summary>Puts rows in place as columns.</summary>
    /// <param name="from">
    /// The first row, <c>[columns,k]</c>; readable up to a multiple of 16 rows, of which those beyond are written as
    /// well.
    /// </param>
    /// <param name="stride">Elements from one row to the next.</param>
    /// <param name="columns">How many.</param>
    /// <param name="at">The first column, a multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutColumns(T* from, int stride, int columns, int at = 0)
    {
        // What lies side by side is moved as one float32.
        int depth = T.Depth;
        int units = _k / depth;
        for (int column = 0; column < columns; column += Lanes)
        {
            int place = at + column;
            float* panel = (float*)(_memory.Start + (long)(place / Width * Width) * _k) + place % Width;
            for (int unit = 0; unit < units; unit += Lanes)
            {
                Fp32* source = (Fp32*)(from + (long)column * stride) + unit;
                Fp32* target = (Fp32*)panel + (long)unit * Width;
                Simd.Transpose(source, stride / depth, target, Width, Math.Min(Lanes, units - unit));
            }
        }
    }

    /// <summary>The product with every <paramref name="step"/>th row alone, from the first on.</summary>
    /// <param name="m">Rows of the first factor.</param>
    /// <param name="a">The first factor.</param>
    /// <param name="strideA">Elements from one of its rows to the next.</param>
    /// <param name="c">The product, <c>[m,n]</c>.</param>
    /// <param name="strideC">Elements from one of its rows to the next.</param>
    /// <param name="step">At least 1.</param>
    /// <param name="rows">Rows to choose from.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SumOfRows(int m, T* a, int strideA, float* c, int strideC, int step, int rows)
    {
        for (int column = 0; column < _n; column += Lanes)
        {
            T* panel = _memory.Start + (long)(column / Width * Width) * _k + column % Width * T.Depth;
            for (int i = 0; i < m; i++)
            {
                Vector512<float> sum = Vector512<float>.Zero;
                for (int row = 0; row < rows; row += step)
                {
                    Vector512<float> factor = Vector512.Create(T.Value(a + (long)i * strideA + row));
                    T* pair = panel + (long)(row / T.Depth * T.Depth) * Width;
                    sum = Vector512.FusedMultiplyAdd(factor, T.LoadRow(pair, row), sum);
                }
                sum.Store(c + (long)i * strideC + column);
            }
        }
    }

    /// <summary>
    /// Rows that a product takes for some: those of AMX's bfloat16 come in sixteens, and fewer take longer. What the
    /// others give is not looked at.
    /// </summary>
    public static int RowsTaken(int rows) => T.Depth == 2 && Native.HasTiles ? Up(rows) : rows;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();
}
