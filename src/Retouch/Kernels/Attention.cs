namespace Retouch.Kernels;

/// <summary>
/// Attention with its norm and residual sum, forward and backward: what is the same whether all tokens ask or [CLS]
/// alone. Tasks of rows before and after, and between them one task for each head of each image.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
abstract unsafe class Attention<T>(BatchShape shape, TaskSharing<T> tasks)
    where T : unmanaged, IElement<T>
{
    /// <summary>Of the batch.</summary>
    protected BatchShape Batch { get; } = shape;

    /// <summary>Its threads.</summary>
    protected TaskSharing<T> Tasks { get; } = tasks;

    /// <summary>What scores are multiplied by; the queries carry it.</summary>
    protected float Scale { get; } = (float)(1 / Math.Sqrt(shape.HeadWidth));

    /// <summary>M: tokens of an image after it.</summary>
    protected abstract int TokensAfter { get; }

    /// <summary>Tokens after a block's attention.</summary>
    /// <param name="frozen">The block.</param>
    /// <param name="pass">Gets queries, keys, values and what a backward pass needs.</param>
    /// <param name="x">Its input, <c>[R,D]</c>.</param>
    /// <param name="residual">Gets the tokens, <c>[N,M,D]</c>.</param>
    /// <param name="byEdit">Whether the rows of a task after the heads are of one edit.</param>
    /// <param name="then">
    /// What else to do with such rows, in a workspace, while the cache has them; null for nothing.
    /// </param>
    public void Forward(
        FrozenBlock<T> frozen,
        BlockPass<T> pass,
        float* x,
        float* residual,
        bool byEdit,
        Action<RowRange, Workspace<T>>? then
    )
    {
        int width = Batch.Width;
        Tasks.EachRows(
            Batch.Tokens,
            false,
            (rows, workspace) =>
            {
                RowKernels<T>.Norm(
                    x + (long)rows.Start * width,
                    rows.Count,
                    width,
                    frozen.Norm1Weight,
                    frozen.Norm1Bias,
                    Batch.Epsilon,
                    Normed(pass, rows, workspace),
                    Batch.Stride,
                    pass.Statistics1(rows.Start, workspace)
                );
                Project(frozen, pass, rows, workspace);
            }
        );
        int parts = AttendParts;
        Tasks.Each(
            Batch.Images * Batch.Heads * parts,
            (task, workspace) => Attend(pass, task / parts, task % parts, workspace)
        );
        Tasks.EachRows(
            TokensAfter,
            byEdit,
            (rows, workspace) =>
            {
                long first = Batch.First(rows, TokensAfter);
                T* mixed = Outputs(frozen, first, rows.Count, workspace);
                frozen.Proj.Product(PackedMatrix<T>.RowsTaken(rows.Count), mixed, Batch.Stride, workspace.Out, width);
                AddResidual(frozen, x, workspace.Out, first, rows.Count, residual);
                then?.Invoke(rows, workspace);
            }
        );
    }

    /// <summary>From the gradient of the tokens after the attention to that of its input.</summary>
    /// <param name="frozen">The block.</param>
    /// <param name="record">Of its forward pass.</param>
    /// <param name="gradients">Memory for them.</param>
    /// <param name="after">The gradient after it, <c>[N,M,D]</c>.</param>
    /// <param name="dx">Gets that of the input, <c>[R,D]</c>; may be <paramref name="after"/>.</param>
    public void Backward(
        FrozenBlock<T> frozen,
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        float* after,
        float* dx
    )
    {
        int width = Batch.Width;
        int stride = Batch.Stride;
        float* x = record.Input.Start;
        Tasks.EachRows(
            TokensAfter,
            false,
            (rows, workspace) =>
            {
                float* dy = after + (long)rows.Start * width;
                RowKernels<T>.Round(dy, rows.Count, width, frozen.Scale1, workspace.Normed, stride);
                frozen.ProjBack.Product(
                    PackedMatrix<T>.RowsTaken(rows.Count),
                    workspace.Normed,
                    stride,
                    workspace.Out,
                    width
                );
                TakeOutputGradient(frozen, gradients, rows, workspace);
            }
        );
        AttendBackward(record, gradients);
        Tasks.EachRows(
            Batch.Tokens,
            false,
            (rows, workspace) =>
            {
                long at = (long)rows.Start * width;
                NormedGradient(frozen, record, gradients, rows, workspace, dx);
                RowKernels<T>.NormBackward(
                    workspace.Out,
                    x + at,
                    record.Statistics1(rows.Start),
                    rows.Count,
                    width,
                    frozen.Norm1Weight,
                    dx + at
                );
            }
        );
    }

    /// <summary>Where normed rows go, <c>[rows,D + spare]</c>.</summary>
    protected abstract T* Normed(BlockPass<T> pass, RowRange rows, Workspace<T> workspace);

    /// <summary>Makes of normed rows what heads need.</summary>
    protected abstract void Project(FrozenBlock<T> frozen, BlockPass<T> pass, RowRange rows, Workspace<T> workspace);

    /// <summary>Into how many parts the queries of a head go, for as many tasks.</summary>
    protected abstract int AttendParts { get; }

    /// <summary>One head of one image, from what <see cref="Project"/> made to its mixture of tokens.</summary>
    /// <param name="pass">Has the former.</param>
    /// <param name="task">The head among <c>[N,heads]</c>.</param>
    /// <param name="part">Of the queries.</param>
    /// <param name="workspace">The task's.</param>
    protected abstract void Attend(BlockPass<T> pass, int task, int part, Workspace<T> workspace);

    /// <summary>What heads give of some rows after the attention, <c>[rows,D + spare]</c>.</summary>
    protected abstract T* Outputs(FrozenBlock<T> frozen, long first, int rows, Workspace<T> workspace);

    /// <summary>Adds projected rows after the heads, from the first on, to the tokens before.</summary>
    protected abstract void AddResidual(
        FrozenBlock<T> frozen,
        float* x,
        float* projected,
        long first,
        int rows,
        float* residual
    );

    /// <summary>Keeps the gradients of the heads' outputs, <c>[rows,D]</c> in a workspace's Out.</summary>
    protected abstract void TakeOutputGradient(
        FrozenBlock<T> frozen,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace
    );

    /// <summary>All heads, from the output's gradients to those of what <see cref="Project"/> made.</summary>
    protected abstract void AttendBackward(RecordedBlock<T> record, TokenGradients<T> gradients);

    /// <summary>
    /// Puts the gradients of normed rows into a workspace's Out, and those that go past the attention into
    /// <paramref name="dx"/>.
    /// </summary>
    protected abstract void NormedGradient(
        FrozenBlock<T> frozen,
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace,
        float* dx
    );
}
