using static TorchSharp.torch;

namespace Retouch.Vit.Kernels;

/// <summary>
/// The units of one FFN that each of B edits has of its own: their rows as products read them, and which units of the
/// model's they take the place of. Owns its memory.
/// </summary>
sealed unsafe class OwnUnits<T> : IDisposable where T : unmanaged, IElement<T>
{
    readonly int _edits, _width;
    readonly Matrix<T>[] _into, _intoBack, _out, _outBack; // an edit
    readonly Block<T>[] _rows; // of each matrix, before they are packed, [B,u,D]

    /// <summary>Units with weights still zero.</summary>
    /// <param name="edits">B.</param>
    /// <param name="width">D, of tokens.</param>
    /// <param name="bias">Of fc1, <c>[B,u]</c> float32.</param>
    /// <param name="frozen">For each edit 1 for the units of the model that stay and 0 for those that these replace, <c>[B,H]</c>; null where none stays.</param>
    /// <param name="derivative">Whether there will be a backward pass.</param>
    public OwnUnits(int edits, int width, Tensor bias, float[]? frozen, bool derivative)
    {
        (_edits, _width, Count) = (edits, width, (int)bias.shape[1]);
        Padded = Shape.Up(Count);
        Bias = new Block<float>((long)edits * Padded, zeros: true);
        float* from = (float*)Pointer.Of(bias);
        for (int e = 0; e < edits; e++)
            new ReadOnlySpan<float>(from + (long)e * Count, Count).CopyTo(new Span<float>(Bias.Start + (long)e * Padded, Count));
        if (frozen is not null)
        {
            Frozen = new Block<float>(frozen.Length);
            frozen.CopyTo(new Span<float>(Frozen.Start, frozen.Length));
        }
        _into = Make(width, Padded);
        _out = Make(Padded, width);
        (_intoBack, _outBack) = derivative ? (Make(Padded, width), Make(width, Padded)) : ([], []);
        _rows = [.. Enumerable.Range(0, 2).Select(_ => new Block<T>((long)edits * Padded * width, zeros: true))];

        Matrix<T>[] Make(int k, int n) => [.. Enumerable.Range(0, edits).Select(_ => new Matrix<T>(k, n))];
    }

    /// <summary>Units of an edit, u.</summary>
    public int Count { get; }

    /// <summary>The same, up to a multiple of 16.</summary>
    public int Padded { get; }

    /// <summary>Of fc1, <c>[B,Padded]</c>.</summary>
    public Block<float> Bias { get; }

    /// <summary><c>[B,H]</c>; null where no unit of the model's stays.</summary>
    public Block<float>? Frozen { get; }

    public Matrix<T> Into(int edit) => _into[edit];           // [D,u]

    public Matrix<T> IntoBack(int edit) => _intoBack[edit];   // [u,D]

    public Matrix<T> Out(int edit) => _out[edit];             // [u,D]

    public Matrix<T> OutBack(int edit) => _outBack[edit];     // [D,u]

    /// <summary>Makes the weights of some units a sum.</summary>
    /// <param name="matrix">0 for fc1, 1 for fc2.</param>
    /// <param name="weights"><c>[B,n,D]</c> float32.</param>
    /// <param name="deltas"><c>[B,n,D]</c>; null for 0.</param>
    /// <param name="scales">What each unit's deltas are multiplied by, <c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    /// <param name="size">Threads at most.</param>
    public void Set(int matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at, int size)
    {
        using Tensor? whole = scales?.contiguous();
        int n = (int)weights.shape[1], width = _width, padded = Padded;
        float* from = (float*)Pointer.Of(weights), delta = deltas is null ? null : (float*)Pointer.Of(deltas), scale = whole is null ? null : (float*)Pointer.Of(whole);
        const int Rows = 64;
        int first = at / Shape.Lanes * Shape.Lanes, end = Math.Min(Shape.Up(at + n), padded), parts = (end - first + Rows - 1) / Rows;
        if (n == 0)
            return;
        Matrix<T>[] columns = matrix == 0 ? _into : _outBack, rows = matrix == 0 ? _intoBack : _out;
        T* kept = _rows[matrix].Start;
        Team.Run(_edits * parts, size, (task, _) =>
        {
            int edit = task / parts, start = first + task % parts * Rows, count = Math.Min(Rows, end - start);
            T* to = kept + ((long)edit * padded + start) * width;
            for (int row = Math.Max(start, at); row < Math.Min(start + count, at + n); row++)
            {
                long place = (long)edit * n + row - at;
                RowKernels<T>.Sum(from + place * width, delta is null ? null : delta + place * width, scale is null ? 1 : scale[place], width, kept + ((long)edit * padded + row) * width);
            }
            if (columns.Length > 0)
                columns[edit].PutColumns(to, width, count, start);
            if (rows.Length > 0)
                rows[edit].PutRows(to, width, count, width, start);
        });
    }

    public void Dispose()
    {
        foreach (Matrix<T> matrix in (Matrix<T>[])[.. _into, .. _intoBack, .. _out, .. _outBack])
            matrix.Dispose();
        Bias.Dispose();
        Frozen?.Dispose();
        foreach (Block<T> rows in _rows)
            rows.Dispose();
    }
}
