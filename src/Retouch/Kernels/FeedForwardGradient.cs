using Retouch.Vit;

namespace Retouch.Kernels;

/// <summary>
/// The gradients of FFNs: of the tokens before them, and of the weights of units that edits have of their own.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="units">The edits' own.</param>
/// <param name="sharing">How threads share the units of few rows.</param>
sealed unsafe class FeedForwardGradient<T>(
    BatchShape shape,
    TaskSharing<T> tasks,
    UnitsByBlock<T> units,
    UnitSharing<T> sharing
)
    where T : unmanaged, IElement<T>
{
    /// <summary>
    /// From the gradient after an FFN to that before it, in place; of the first FFN only what its own units' weights
    /// need.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="frozen">The block.</param>
    /// <param name="record">Of its forward pass.</param>
    /// <param name="dx"><c>[N,M,D]</c>.</param>
    public void Backward(int block, FrozenBlock<T> frozen, RecordedBlock<T> record, float* dx)
    {
        bool inputs = block != shape.FirstBlock;
        if (!inputs && !units.HasOwn(block))
            return;
        if (sharing.Pays(record.Tokens))
        {
            BackwardShared(block, frozen, record, dx, inputs);
            return;
        }
        tasks.EachRows(
            record.Tokens,
            units[block] is not null,
            (rows, workspace) =>
            {
                long first = record.First(rows);
                float* at = dx + first * shape.Width;
                bool add = false;
                RowKernels<T>.Round(at, rows.Count, shape.Width, frozen.Scale2, workspace.Normed, shape.Stride);
                if (inputs && units.HasFrozen(block))
                {
                    for (int unit = 0; unit < shape.Hidden; unit += shape.UnitsAtATime)
                    {
                        Frozen(frozen, record, rows, workspace.Normed, unit, workspace, workspace.Out, add);
                        add = true;
                    }
                }
                if (units.HasOwn(block))
                {
                    Own(block, record, rows, workspace.Normed, workspace, inputs ? workspace.Out : null, add);
                    add = true;
                }
                if (!add)
                    new Span<float>(workspace.Out, rows.Count * shape.Width).Clear();
                if (inputs)
                    Norm(frozen, record, first, rows.Count, workspace, at);
            }
        );
    }

    /// <summary>The gradients of some of an edit's own units, from one on.</summary>
    /// <param name="record">Of the block's passes.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="edit">The edit.</param>
    /// <param name="unit">The first unit.</param>
    /// <param name="count">How many.</param>
    /// <param name="to">Gets them, <c>[count,D]</c>.</param>
    /// <param name="onlyClass">Whether only what the units do to [CLS] counts.</param>
    public void OfUnits(
        RecordedBlock<T> record,
        FfnMatrix matrix,
        int edit,
        int unit,
        int count,
        float* to,
        bool onlyClass
    )
    {
        T* left = record.UnitSide(matrix, edit, unit);
        PackedMatrix<T> right = record.WidthSide(matrix, edit);
        int stride = record.PaddedPerEdit;
        if (onlyClass && record.Tokens > 1)
            right.SumOfRows(count, left, stride, to, shape.Width, record.Tokens, record.PerEdit);
        else
            right.Product(count, left, stride, to, shape.Width);
    }

    void BackwardShared(int block, FrozenBlock<T> frozen, RecordedBlock<T> record, float* dx, bool inputs)
    {
        RowRange all = new(0, 0, shape.Images * record.Tokens);
        T* rounded = sharing.Rows;
        RowKernels<T>.Round(dx, all.Count, shape.Width, frozen.Scale2, rounded, shape.Stride);
        sharing.Run(
            block,
            all.Count,
            (unit, workspace, to) =>
            {
                if (inputs)
                    Frozen(frozen, record, all, rounded, unit, workspace, (float*)to, false);
            },
            (workspace, to) => Own(block, record, all, rounded, workspace, inputs ? (float*)to : null, false),
            (rows, workspace) =>
            {
                if (inputs)
                    Norm(frozen, record, rows.Start, rows.Count, workspace, dx + (long)rows.Start * shape.Width);
            }
        );
    }

    // What some of the model's units, from one on, give to the gradient before the FFN.
    void Frozen(
        FrozenBlock<T> frozen,
        RecordedBlock<T> record,
        RowRange rows,
        T* dy,
        int unit,
        Workspace<T> workspace,
        float* to,
        bool add
    )
    {
        int taken = PackedMatrix<T>.RowsTaken(rows.Count);
        int count = Math.Min(shape.UnitsAtATime, shape.Hidden - unit);
        int stride = count + BatchShape.Spare;
        frozen.Fc2Back.Columns(taken, dy, shape.Stride, workspace.Hidden, count, unit, count);
        RowKernels<T>.Times(
            workspace.Hidden,
            rows.Count,
            count,
            record.Derivatives(rows, unit),
            shape.Hidden,
            workspace.Active,
            stride
        );
        frozen.Fc1Back.Product(taken, workspace.Active, stride, to, shape.Width, add, unit, count);
    }

    // The same of an edit's own units, where it is asked for, and what their weights' gradients are products of.
    void Own(int block, RecordedBlock<T> record, RowRange rows, T* dy, Workspace<T> workspace, float* to, bool add)
    {
        OwnUnits<T> own = units[block]!;
        int taken = PackedMatrix<T>.RowsTaken(rows.Count);
        int count = own.Padded;
        int stride = count + BatchShape.Spare;
        record.OutputGradients(rows, dy);
        own.OutBack(rows.Edit).Product(taken, dy, shape.Stride, workspace.Hidden, count);
        RowKernels<T>.Times(
            workspace.Hidden,
            rows.Count,
            count,
            record.OwnDerivatives(rows),
            count,
            workspace.Active,
            stride
        );
        record.HiddenGradients(rows, workspace.Active, stride);
        if (to is not null)
            own.IntoBack(rows.Edit).Product(taken, workspace.Active, stride, to, shape.Width, add);
    }

    void Norm(
        FrozenBlock<T> frozen,
        RecordedBlock<T> record,
        long first,
        int rows,
        Workspace<T> workspace,
        float* dx
    ) =>
        RowKernels<T>.NormBackward(
            workspace.Out,
            record.Residual.Start + first * shape.Width,
            record.Statistics2(first),
            rows,
            shape.Width,
            frozen.Norm2Weight,
            dx
        );
}
