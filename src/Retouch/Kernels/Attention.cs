using System.Runtime.CompilerServices;

namespace Retouch.Kernels;

/// <summary>
/// Attention with its norm and residual sum, forward and backward: what is the same whether all tokens ask or [CLS]
/// alone. Tasks of rows before and after, and between them one task for each head of each image.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="output">What heads give, <c>[R,D + spare]</c>.</param>
abstract unsafe class Attention<T>(BatchShape shape, TaskSharing<T> tasks, AlignedBuffer<T> output)
    where T : unmanaged, IElement<T>
{
    /// <summary>Of the batch.</summary>
    protected BatchShape Batch { get; } = shape;

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
        tasks.EachRows(
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
                    workspace.Normed,
                    Batch.Stride,
                    pass.Statistics1(rows.Start, workspace)
                );
                Project(frozen, pass, rows, workspace);
            }
        );
        int parts = AttendParts;
        tasks.Each(
            Batch.Images * Batch.Heads * parts,
            (task, workspace) => Attend(pass, task / parts, task % parts, workspace)
        );
        tasks.EachRows(
            TokensAfter,
            byEdit,
            (rows, workspace) =>
            {
                long first = Batch.First(rows, TokensAfter);
                T* mixed = output.Start + first * Batch.Stride;
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
        tasks.EachRows(
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
                TakeOutputGradient(gradients, rows, workspace.Out);
            }
        );
        tasks.Each(Batch.Images * Batch.Heads, (task, workspace) => AttendBackward(record, gradients, task, workspace));
        tasks.EachRows(
            Batch.Tokens,
            false,
            (rows, workspace) =>
            {
                int taken = PackedMatrix<T>.RowsTaken(rows.Count);
                long at = (long)rows.Start * width;
                T* dKey = gradients.Key.Start + (long)rows.Start * stride;
                T* dValue = gradients.Value.Start + (long)rows.Start * stride;
                frozen.ProjectionsBack[1].Product(taken, dKey, stride, workspace.Out, width);
                frozen.ProjectionsBack[2].Product(taken, dValue, stride, workspace.Out, width, true);
                AddQueryGradient(frozen, gradients, rows, workspace, dx);
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

    /// <summary>Makes queries, keys and values of a workspace's normed rows.</summary>
    protected abstract void Project(FrozenBlock<T> frozen, BlockPass<T> pass, RowRange rows, Workspace<T> workspace);

    /// <summary>Into how many parts the queries of a head go, for as many tasks.</summary>
    protected abstract int AttendParts { get; }

    /// <summary>One head of one image, from queries, keys and values to the output.</summary>
    /// <param name="pass">Has the former.</param>
    /// <param name="task">The head among <c>[N,heads]</c>.</param>
    /// <param name="part">Of the queries.</param>
    /// <param name="workspace">The task's.</param>
    protected abstract void Attend(BlockPass<T> pass, int task, int part, Workspace<T> workspace);

    /// <summary>Adds projected rows after the heads, from the first on, to the tokens before.</summary>
    protected abstract void AddResidual(
        FrozenBlock<T> frozen,
        float* x,
        float* projected,
        long first,
        int rows,
        float* residual
    );

    /// <summary>Keeps the gradients of the heads' outputs, <c>[rows,D]</c>.</summary>
    protected abstract void TakeOutputGradient(TokenGradients<T> gradients, RowRange rows, float* gradient);

    /// <summary>One head of one image, from the output's gradients to those of queries, keys and values.</summary>
    protected abstract void AttendBackward(
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        int task,
        Workspace<T> workspace
    );

    /// <summary>
    /// Adds what the queries give to the gradients of normed rows in a workspace's Out, and puts the gradients that go
    /// past the attention into <paramref name="dx"/>.
    /// </summary>
    protected abstract void AddQueryGradient(
        FrozenBlock<T> frozen,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace,
        float* dx
    );

    /// <summary>Projects a workspace's normed rows to all heads.</summary>
    /// <param name="frozen">The block.</param>
    /// <param name="part">0 for queries, 1 for keys, 2 for values.</param>
    /// <param name="scale">What they are multiplied by.</param>
    /// <param name="rows">Which rows.</param>
    /// <param name="workspace">Has them.</param>
    /// <param name="to">Gets queries, keys or values, <c>[N,heads,Tp,D/heads]</c>.</param>
    protected void ProjectPart(
        FrozenBlock<T> frozen,
        int part,
        float scale,
        RowRange rows,
        Workspace<T> workspace,
        AlignedBuffer<T> to
    )
    {
        int width = Batch.Width;
        float* bias = frozen.QkvBias is null ? null : frozen.QkvBias + part * width;
        frozen
            .Projections[part]
            .Product(PackedMatrix<T>.RowsTaken(rows.Count), workspace.Normed, Batch.Stride, workspace.Out, width);
        Scatter(workspace.Out, bias, scale, rows, to.Start);
    }

    /// <summary>
    /// Rows of tokens, <c>[rows,D]</c>, to heads, <c>[N,heads,Tp,D/heads]</c>, with their bias and times a scale.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected void Scatter(float* from, float* bias, float scale, RowRange rows, T* to)
    {
        int headWidth = Batch.HeadWidth;
        for (int row = 0; row < rows.Count; row++)
        {
            int image = (rows.Start + row) / Batch.Tokens;
            int token = (rows.Start + row) % Batch.Tokens;
            for (int head = 0; head < Batch.Heads; head++)
            {
                RowKernels<T>.ShiftTo(
                    from + (long)row * Batch.Width + head * headWidth,
                    headWidth,
                    bias is null ? null : bias + head * headWidth,
                    scale,
                    to + (((long)image * Batch.Heads + head) * Batch.PaddedTokens + token) * headWidth
                );
            }
        }
    }
}
