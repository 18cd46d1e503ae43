using Retouch.Vit;

namespace Retouch.Kernels;

/// <summary>FFNs with their norm and residual sum, forward: of the model's units, and of those that edits have of their own.</summary>
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
    /// <param name="edit">Whose rows, or 0 where all are as one's.</param>
    /// <param name="start">The first row within the edit.</param>
    /// <param name="rows">How many.</param>
    /// <param name="residual">Tokens before the FFN, <c>[N,M,D]</c>.</param>
    /// <param name="tokens">M.</param>
    /// <param name="normed">Gets the rows, <c>[rows,D + spare]</c>.</param>
    /// <param name="workspace">The task's.</param>
    public void Norm(
        FrozenBlock<T> frozen, BlockPass<T> pass, int edit, int start, int rows, float* residual, int tokens, T* normed,
        Workspace<T> workspace)
    {
        long first = (long)edit * shape.PerEdit(tokens) + start;
        RowKernels<T>.Norm(
            residual + first * shape.Width, rows, shape.Width, frozen.Norm2Weight, frozen.Norm2Bias, shape.Epsilon,
            normed, shape.Stride, pass.Statistics2(first, workspace));
        pass.FfnInput(edit, start, normed, rows);
    }

    /// <summary>Rows of tokens behind an FFN.</summary>
    /// <param name="block">The block.</param>
    /// <param name="frozen">The block.</param>
    /// <param name="pass">Gets what a backward pass needs.</param>
    /// <param name="edit">Whose rows, or 0 where all are as one's.</param>
    /// <param name="start">The first row within the edit.</param>
    /// <param name="rows">How many.</param>
    /// <param name="residual">Tokens before the FFN, <c>[N,M,D]</c>.</param>
    /// <param name="output">Gets those behind it, <c>[N,M,D]</c>.</param>
    /// <param name="tokens">M.</param>
    /// <param name="workspace">The task's.</param>
    public void Forward(
        int block, FrozenBlock<T> frozen, BlockPass<T> pass, int edit, int start, int rows, float* residual, float* output,
        int tokens, Workspace<T> workspace)
    {
        long at = ((long)edit * shape.PerEdit(tokens) + start) * shape.Width;
        Norm(frozen, pass, edit, start, rows, residual, tokens, workspace.Normed, workspace);
        Products(block, frozen, pass.Ffn, edit, start, rows, workspace.Normed, workspace);
        RowKernels<T>.Add(
            residual + at, workspace.Out, rows, shape.Width, frozen.Fc2Bias, frozen.Scale2, output + at);
    }

    /// <summary>The same for all rows at once, where threads share the units; the normed rows are <see cref="UnitSharing{T}.Rows"/>.</summary>
    public void ForwardShared(
        int block, FrozenBlock<T> frozen, BlockPass<T> pass, float* residual, float* output, int tokens)
    {
        int all = shape.Images * tokens;
        T* normed = sharing.Rows;
        sharing.Run(
            block, all,
            (unit, workspace, to) => Frozen(block, frozen, pass.Ffn, 0, 0, all, normed, unit, workspace, (float*)to, false),
            (workspace, to) => Own(block, pass.Ffn, 0, 0, all, normed, workspace, (float*)to, false),
            (start, rows, workspace) =>
            {
                long at = (long)start * shape.Width;
                RowKernels<T>.Add(
                    residual + at, workspace.Out, rows, shape.Width, frozen.Fc2Bias, frozen.Scale2, output + at);
            });
    }

    /// <summary>An FFN's products with normed rows, into a workspace's Out, without the output's bias and scale.</summary>
    public void Products(
        int block, FrozenBlock<T> frozen, IFfnRecord<T> record, int edit, int start, int rows, T* normed, Workspace<T> workspace)
    {
        bool add = false;
        if (units.HasFrozen(block))
        {
            for (int unit = 0; unit < shape.Hidden; unit += shape.UnitsAtATime)
            {
                Frozen(block, frozen, record, edit, start, rows, normed, unit, workspace, workspace.Out, add);
                add = true;
            }
        }
        if (units.HasOwn(block))
        {
            Own(block, record, edit, start, rows, normed, workspace, workspace.Out, add);
            add = true;
        }
        if (!add)
            new Span<float>(workspace.Out, rows * shape.Width).Clear();
    }

    // What some of the model's units give, from one on, over or added to "to".
    void Frozen(
        int block, FrozenBlock<T> frozen, IFfnRecord<T> record, int edit, int start, int rows, T* normed, int unit,
        Workspace<T> workspace, float* to, bool add)
    {
        float* mask = units[block] is OwnUnits<T> own ? own.Frozen!.Start + (long)edit * shape.Hidden + unit : null;
        int taken = PackedMatrix<T>.RowsTaken(rows);
        int count = Math.Min(shape.UnitsAtATime, shape.Hidden - unit);
        int stride = count + BatchShape.Spare;
        frozen.Fc1.Columns(taken, normed, shape.Stride, workspace.Hidden, count, unit, count);
        RowKernels<T>.Activate(
            config.Activation, workspace.Hidden, rows, count, frozen.Fc1Bias + unit, mask, workspace.Active, stride,
            record.Derivatives(edit, start, unit), shape.Hidden);
        frozen.Fc2.Product(taken, workspace.Active, stride, to, shape.Width, add, unit, count);
    }

    // The same of an edit's own units.
    void Own(
        int block, IFfnRecord<T> record, int edit, int start, int rows, T* normed, Workspace<T> workspace, float* to, bool add)
    {
        OwnUnits<T> own = units[block]!;
        int taken = PackedMatrix<T>.RowsTaken(rows);
        int count = own.Padded;
        int stride = count + BatchShape.Spare;
        own.Into(edit).Product(taken, normed, shape.Stride, workspace.Hidden, count);
        RowKernels<T>.Activate(
            config.Activation, workspace.Hidden, rows, count, own.Bias.Start + (long)edit * count, null, workspace.Active,
            stride, record.OwnDerivatives(edit, start), count);
        record.OwnActivations(edit, start, workspace.Active, stride, rows);
        own.Out(edit).Product(taken, workspace.Active, stride, to, shape.Width, add);
    }
}
