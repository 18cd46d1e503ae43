using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// The units of one FFN that each of B edits has of its own: their rows as products read them, and which units of the
/// model's they take the place of. Owns its memory.
/// </summary>
sealed unsafe class OwnUnits<T> : IDisposable
    where T : unmanaged, IElement<T>
{
    readonly int _width;
    readonly PackedMatrix<T>[] _into; // an edit
    readonly PackedMatrix<T>[] _intoBack;
    readonly PackedMatrix<T>[] _out;
    readonly PackedMatrix<T>[] _outBack;

    // Of each matrix as rows, [B,u,D], where only some may be set: panels are filled by sixteens.
    readonly AlignedBuffer<T>[] _rows;

    /// <summary>Units with weights still zero.</summary>
    /// <param name="edits">B.</param>
    /// <param name="width">D, of tokens.</param>
    /// <param name="bias">Of fc1, <c>[B,u]</c> float32.</param>
    /// <param name="frozen">
    /// For each edit 1 for the units of the model that stay and 0 for those that these replace, <c>[B,H]</c>; null
    /// where none stays.
    /// </param>
    /// <param name="derivative">Whether there will be a backward pass.</param>
    /// <param name="some">Whether weights of only some of the units may be set, after all were.</param>
    public OwnUnits(int edits, int width, Tensor bias, float[]? frozen, bool derivative, bool some)
    {
        (_width, Count) = (width, (int)bias.shape[1]);
        Padded = Shape.Up(Count);
        Bias = new AlignedBuffer<float>((long)edits * Padded, zeros: true);
        float* from = (float*)Pointer.Of(bias);
        for (int e = 0; e < edits; e++)
        {
            Span<float> of = new(Bias.Start + (long)e * Padded, Count);
            new ReadOnlySpan<float>(from + (long)e * Count, Count).CopyTo(of);
        }
        if (frozen is not null)
        {
            Frozen = new AlignedBuffer<float>(frozen.Length);
            frozen.CopyTo(new Span<float>(Frozen.Start, frozen.Length));
        }
        _into = Make(width, Padded);
        _out = Make(Padded, width);
        (_intoBack, _outBack) = derivative ? (Make(Padded, width), Make(width, Padded)) : ([], []);
        _rows = some ? [Rows(), Rows()] : [];

        AlignedBuffer<T> Rows() => new((long)edits * Padded * width, zeros: true);

        PackedMatrix<T>[] Make(int k, int n) => [.. Enumerable.Range(0, edits).Select(_ => new PackedMatrix<T>(k, n))];
    }

    /// <summary>Units of an edit, u.</summary>
    public int Count { get; }

    /// <summary>The same, up to a multiple of 16.</summary>
    public int Padded { get; }

    /// <summary>Of fc1, <c>[B,Padded]</c>.</summary>
    public AlignedBuffer<float> Bias { get; }

    /// <summary><c>[B,H]</c>; null where no unit of the model's stays.</summary>
    public AlignedBuffer<float>? Frozen { get; }

    /// <summary>An edit's part of fc1, <c>[D,u]</c>.</summary>
    public PackedMatrix<T> Into(int edit) => _into[edit];

    /// <summary>The same for the way back, <c>[u,D]</c>.</summary>
    public PackedMatrix<T> IntoBack(int edit) => _intoBack[edit];

    /// <summary>An edit's part of fc2, <c>[u,D]</c>.</summary>
    public PackedMatrix<T> Out(int edit) => _out[edit];

    /// <summary>The same for the way back, <c>[D,u]</c>.</summary>
    public PackedMatrix<T> OutBack(int edit) => _outBack[edit];

    /// <summary>
    /// Makes the weights of some of one edit's units a sum; of others in the same part they stay, or are zero if
    /// weights are always set for all.
    /// </summary>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="edit">The edit.</param>
    /// <param name="start">The part's first unit, a multiple of 16.</param>
    /// <param name="count">The part's units, a multiple of 16.</param>
    /// <param name="skip">The part's units before those to set.</param>
    /// <param name="given">Units to set.</param>
    /// <param name="weights"><c>[given,D]</c>.</param>
    /// <param name="deltas"><c>[given,D]</c>; null for 0.</param>
    /// <param name="scales">What each unit's deltas are multiplied by, <c>[given]</c>; null for 1.</param>
    /// <param name="spare">Room for the part's rows.</param>
    public void Set(
        FfnMatrix matrix,
        int edit,
        int start,
        int count,
        int skip,
        int given,
        float* weights,
        float* deltas,
        float* scales,
        T* spare
    )
    {
        T* to = spare;
        if (_rows.Length > 0)
            to = _rows[(int)matrix].Start + ((long)edit * Padded + start) * _width;
        else
            new Span<T>(to + (long)given * _width, (count - given) * _width).Clear();
        RowKernels<T>.Sum(weights, deltas, 1, scales, given, _width, to + (long)skip * _width);
        PackedMatrix<T>[] columns = matrix == FfnMatrix.Fc1 ? _into : _outBack;
        PackedMatrix<T>[] rows = matrix == FfnMatrix.Fc1 ? _intoBack : _out;
        if (columns.Length > 0)
            columns[edit].PutColumns(to, _width, count, start);
        if (rows.Length > 0)
            rows[edit].PutRows(to, _width, count, _width, start);
    }

    public void Dispose()
    {
        foreach (PackedMatrix<T> matrix in (PackedMatrix<T>[])[.. _into, .. _intoBack, .. _out, .. _outBack])
            matrix.Dispose();
        Bias.Dispose();
        Frozen?.Dispose();
        foreach (AlignedBuffer<T> rows in _rows)
            rows.Dispose();
    }
}
