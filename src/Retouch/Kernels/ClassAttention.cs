using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>
/// Attention of [CLS] alone to all tokens: products of vectors with matrices, and after it one token an image.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="output">What heads give, <c>[N,D + spare]</c>.</param>
/// <param name="query">Memory for queries, <c>[N,D]</c>.</param>
sealed unsafe class ClassAttention<T>(
    BatchShape shape,
    TaskSharing<T> tasks,
    AlignedBuffer<T> output,
    AlignedBuffer<float> query
) : Attention<T>(shape, tasks, output)
    where T : unmanaged, IElement<T>
{
    readonly AlignedBuffer<T> _output = output;

    protected override int TokensAfter => 1;

    protected override void Project(FrozenBlock<T> frozen, BlockPass<T> pass, RowRange rows, Workspace<T> workspace)
    {
        ProjectPart(frozen, 1, 1, rows, workspace, pass.Key);
        ProjectPart(frozen, 2, 1, rows, workspace, pass.Value);
        // The few rows whose queries are asked.
        for (int row = Up(rows.Start, Batch.Tokens); row < rows.Start + rows.Count; row += Batch.Tokens)
        {
            float* to = query.Start + (long)(row / Batch.Tokens) * Batch.Width;
            T* normed = workspace.Normed + (long)(row - rows.Start) * Batch.Stride;
            frozen.Projections[0].Product(1, normed, Batch.Stride, to, Batch.Width);
            RowKernels<T>.Shift(to, Batch.Width, frozen.QkvBias, Scale);
        }
    }

    protected override int AttendParts => 1;

    protected override void Attend(BlockPass<T> pass, int task, int part, Workspace<T> workspace)
    {
        int image = task / Batch.Heads;
        int head = task % Batch.Heads;
        int headWidth = Batch.HeadWidth;
        long at = Batch.HeadStart(task);
        float* weights = Weights(pass, task);
        RowKernels<T>.Dots(Of(query, task), pass.Key.Start + at, headWidth, Batch.Tokens, weights);
        RowKernels<Fp32>.Softmax(weights, 1, Batch.Tokens, Batch.PaddedTokens, (Fp32*)weights);
        float* sum = stackalloc float[headWidth];
        RowKernels<T>.Mix(weights, pass.Value.Start + at, headWidth, Batch.Tokens, sum);
        T* to = _output.Start + (long)image * Batch.Stride + head * headWidth;
        RowKernels<T>.Round(sum, 1, headWidth, null, to, Batch.Stride);
    }

    protected override void AddResidual(
        FrozenBlock<T> frozen,
        float* x,
        float* projected,
        long first,
        int rows,
        float* residual
    )
    {
        int width = Batch.Width;
        for (int row = 0; row < rows; row++)
        {
            long image = first + row;
            RowKernels<T>.Add(
                x + image * Batch.Tokens * width,
                projected + (long)row * width,
                1,
                width,
                frozen.ProjBias,
                frozen.Scale1,
                residual + image * width
            );
        }
    }

    protected override void TakeOutputGradient(TokenGradients<T> gradients, RowRange rows, float* gradient)
    {
        int values = rows.Count * Batch.Width;
        float* to = gradients.ClassQuery.Start + (long)rows.Start * Batch.Width;
        new Span<float>(gradient, values).CopyTo(new Span<float>(to, values));
    }

    protected override void AttendBackward(
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        int task,
        Workspace<T> workspace
    )
    {
        int image = task / Batch.Heads;
        int head = task % Batch.Heads;
        int headWidth = Batch.HeadWidth;
        int padded = Batch.PaddedTokens;
        long at = Batch.HeadStart(task);
        long row = (long)image * Batch.Tokens * Batch.Stride + head * headWidth;
        float* gradient = Of(gradients.ClassQuery, task);
        float* weights = Weights(record, task);
        float* scores = stackalloc float[padded];
        new Span<float>(scores, padded).Clear();
        RowKernels<T>.Outer(weights, gradient, headWidth, Batch.Tokens, gradients.Value.Start + row, Batch.Stride);
        RowKernels<T>.Dots(gradient, record.Value.Start + at, headWidth, Batch.Tokens, scores);
        RowKernels<Fp32>.SoftmaxBackward(scores, (Fp32*)weights, 1, padded, (Fp32*)scores);
        RowKernels<T>.Outer(scores, Of(query, task), headWidth, Batch.Tokens, gradients.Key.Start + row, Batch.Stride);
        // The gradient is in no use any more: that of the query takes its place.
        RowKernels<T>.Mix(scores, record.Key.Start + at, headWidth, Batch.Tokens, gradient);
        RowKernels<T>.Shift(gradient, headWidth, null, Scale);
    }

    protected override void AddQueryGradient(
        FrozenBlock<T> frozen,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace,
        float* dx
    )
    {
        int width = Batch.Width;
        new Span<float>(dx + (long)rows.Start * width, rows.Count * width).Clear();
        for (int row = Up(rows.Start, Batch.Tokens); row < rows.Start + rows.Count; row += Batch.Tokens)
        {
            long image = row / Batch.Tokens;
            float* dQuery = gradients.ClassQuery.Start + image * width;
            float* normed = workspace.Out + (long)(row - rows.Start) * width;
            RowKernels<T>.Round(dQuery, 1, width, null, workspace.Normed, Batch.Stride);
            frozen.ProjectionsBack[0].Product(1, workspace.Normed, Batch.Stride, normed, width, true);
            new Span<float>(gradients.ClassTokens.Start + image * width, width).CopyTo(
                new Span<float>(dx + (long)row * width, width)
            );
        }
    }

    float* Weights(BlockPass<T> pass, int task) => pass.ClassWeights!.Start + (long)task * Batch.PaddedTokens;

    // One head of one image in [N,D].
    float* Of(AlignedBuffer<float> rows, int task) =>
        rows.Start + (long)(task / Batch.Heads) * Batch.Width + task % Batch.Heads * Batch.HeadWidth;
}
