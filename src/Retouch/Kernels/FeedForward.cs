using Retouch.Vit;

namespace Retouch.Kernels;

/// <summary>
/// FFNs with their norm and residual sum, forward: of the model's units, and of those that edits have of their own.
/// </summary>
/// <param name="config">Of the model.</param>
/// <param name="shape">Of the batch.</param>
/// <param name="units">The edits' own.</param>
/// <param name="sharing">How threads share the units of few rows.</param>
sealed unsafe class FeedForward<T>(VitConfig config, BatchShape shape, UnitsByBlock<T> units, UnitSharing<T> sharing)
    where T : unmanaged, IElement<T>
{
    /// <summary>Norms rows before an FFN.</summary>
    /// <param name="frozen">The block.</param>
    /// <param name="pass">Gets what a backward pass needs.</param>
    /// <param name="rows">Which rows.</param>
    /// <param name="residual">Tokens before the FFN, <c>[N,M,D]</c>.</param>
    /// <param name="tokens">M.</param>
    /// <param name="normed">Gets the rows, <c>[rows,D + spare]</c>.</param>
    /// <param name="workspace">The task's.</param>
    public void Norm(
        FrozenBlock<T> frozen,
        BlockPass<T> pass,
        RowRange rows,
        float* residual,
        int tokens,
        T* normed,
        Workspace<T> workspace
    )
    {
        long first = shape.First(rows, tokens);
        RowKernels<T>.Norm(
            residual + first * shape.Width,
            rows.Count,
            shape.Width,
            frozen.Norm2Weight,
            frozen.Norm2Bias,
            shape.Epsilon,
            normed,
            shape.Stride,
            pass.Statistics2(first, workspace)
        );
        pass.FfnInput(rows, normed);
    }

    /// <summary>Rows of tokens after an FFN.</summary>
    /// <param name="block">The block.</param>
    /// <param name="frozen">The block.</param>
    /// <param name="pass">Gets what a backward pass needs.</param>
    /// <param name="rows">Which rows.</param>
    /// <param name="residual">Tokens before the FFN, <c>[N,M,D]</c>.</param>
    /// <param name="output">Gets those after it, <c>[N,M,D]</c>.</param>
    /// <param name="tokens">M.</param>
    /// <param name="workspace">The task's.</param>
    public void Forward(
        int block,
        FrozenBlock<T> frozen,
        BlockPass<T> pass,
        RowRange rows,
        float* residual,
        float* output,
        int tokens,
        Workspace<T> workspace
    )
    {
        Norm(frozen, pass, rows, residual, tokens, workspace.Normed, workspace);
        Products(block, frozen, pass.Ffn, rows, workspace.Normed, workspace);
        AddResidual(frozen, shape.First(rows, tokens), rows.Count, residual, workspace, output);
    }

    /// <summary>
    /// The same for all rows at once, where threads share the units; the normed rows are
    /// <see cref="UnitSharing{T}.Rows"/>.
    /// </summary>
    public void ForwardShared(
        int block,
        FrozenBlock<T> frozen,
        BlockPass<T> pass,
        float* residual,
        float* output,
        int tokens
    )
    {
        RowRange all = new(0, 0, shape.Images * tokens);
        T* normed = sharing.Rows;
        sharing.Run(
            block,
            all.Count,
            (unit, workspace, to) => Frozen(block, frozen, pass.Ffn, all, normed, unit, workspace, (float*)to, false),
            (workspace, to) => Own(block, pass.Ffn, all, normed, workspace, (float*)to, false),
            (rows, workspace) => AddResidual(frozen, rows.Start, rows.Count, residual, workspace, output)
        );
    }

    /// <summary>
    /// An FFN's products with normed rows, into a workspace's Out, without the output's bias and scale.
    /// </summary>
    public void Products(
        int block,
        FrozenBlock<T> frozen,
        IFfnRecord<T> record,
        RowRange rows,
        T* normed,
        Workspace<T> workspace
    )
    {
        bool add = false;
        if (units.HasFrozen(block))
        {
            for (int unit = 0; unit < shape.Hidden; unit += shape.UnitsAtATime)
            {
                Frozen(block, frozen, record, rows, normed, unit, workspace, workspace.Out, add);
                add = true;
            }
        }
        if (units.HasOwn(block))
        {
            Own(block, record, rows, normed, workspace, workspace.Out, add);
            add = true;
        }
        if (!add)
            new Span<float>(workspace.Out, rows.Count * shape.Width).Clear();
    }

    // What some of the model's units give, from one on, over or added to "to".
    void Frozen(
        int block,
        FrozenBlock<T> frozen,
        IFfnRecord<T> record,
        RowRange rows,
        T* normed,
        int unit,
        Workspace<T> workspace,
        float* to,
        bool add
    )
    {
        float* mask = units[block] is OwnUnits<T> own
            ? own.Frozen!.Start + (long)rows.Edit * shape.Hidden + unit
            : null;
        int taken = PackedMatrix<T>.RowsTaken(rows.Count);
        int count = Math.Min(shape.UnitsAtATime, shape.Hidden - unit);
        int stride = count + BatchShape.Spare;
        frozen.Fc1.Columns(taken, normed, shape.Stride, workspace.Hidden, count, unit, count);
        RowKernels<T>.Activate(
            config.Activation,
            workspace.Hidden,
            rows.Count,
            count,
            frozen.Fc1Bias + unit,
            mask,
            workspace.Active,
            stride,
            record.Derivatives(rows, unit),
            shape.Hidden
        );
        frozen.Fc2.Product(taken, workspace.Active, stride, to, shape.Width, add, unit, count);
    }

    // The same of an edit's own units.
    void Own(int block, IFfnRecord<T> record, RowRange rows, T* normed, Workspace<T> workspace, float* to, bool add)
    {
        OwnUnits<T> own = units[block]!;
        int taken = PackedMatrix<T>.RowsTaken(rows.Count);
        int count = own.Padded;
        int stride = count + BatchShape.Spare;
        float* bias = own.Bias.Start + (long)rows.Edit * count;
        own.Into(rows.Edit).Product(taken, normed, shape.Stride, workspace.Hidden, count);
        RowKernels<T>.Activate(
            config.Activation,
            workspace.Hidden,
            rows.Count,
            count,
            bias,
            null,
            workspace.Active,
            stride,
            record.OwnDerivatives(rows),
            count
        );
        record.OwnActivations(rows, workspace.Active, stride);
        own.Out(rows.Edit).Product(taken, workspace.Active, stride, to, shape.Width, add);
    }

    // Of a workspace's Out, whose first row is one of all edits'.
    void AddResidual(
        FrozenBlock<T> frozen,
        long first,
        int rows,
        float* residual,
        Workspace<T> workspace,
        float* output
    )
    {
        long at = first * shape.Width;
        RowKernels<T>.Add(residual + at, workspace.Out, rows, shape.Width, frozen.Fc2Bias, frozen.Scale2, output + at);
    }
}
