using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>
/// Attention of [CLS] alone to all tokens, and after it one token an image. Its scores are (q·W_k)·x and what a head
/// gives is W_v·Σ a·x + b_v, with x the normed tokens: matrices meet one vector a head instead of every token. The
/// keys' bias adds the same to all of a head's scores, and softmax ignores it.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="mixtures">Memory for Σ a·x, <c>[N,heads,D + spare]</c>.</param>
sealed unsafe class ClassAttention<T>(BatchShape shape, TaskSharing<T> tasks, AlignedBuffer<T> mixtures)
    : Attention<T>(shape, tasks)
    where T : unmanaged, IElement<T>
{
    protected override int TokensAfter => 1;

    protected override T* Normed(BlockPass<T> pass, RowRange rows, Workspace<T> workspace) =>
        pass.Normed.Start + (long)rows.Start * Batch.Stride;

    protected override void Project(FrozenBlock<T> frozen, BlockPass<T> pass, RowRange rows, Workspace<T> workspace)
    {
        for (int row = Up(rows.Start, Batch.Tokens); row < rows.Start + rows.Count; row += Batch.Tokens)
        {
            float* query = workspace.Out;
            T* normed = pass.Normed.Start + (long)row * Batch.Stride;
            frozen.Projections[0].Product(1, normed, Batch.Stride, query, Batch.Width);
            RowKernels<T>.Shift(query, Batch.Width, frozen.QkvBias, Scale);
            float* asked = pass.ClassQuery.Start + OfImage(row / Batch.Tokens) * Batch.Width;
            Back(frozen, 1, query, workspace, asked);
        }
    }

    protected override int AttendParts => 1;

    protected override void Attend(BlockPass<T> pass, int task, int part, Workspace<T> workspace)
    {
        float* weights = pass.ClassWeights.Start + (long)task * Batch.PaddedTokens;
        float* asked = pass.ClassQuery.Start + (long)task * Batch.Width;
        T* normed = Tokens(pass, task);
        RowKernels<T>.Dots(asked, normed, Batch.Stride, Batch.Width, Batch.Tokens, weights);
        RowKernels<Fp32>.Softmax(weights, 1, Batch.Tokens, Batch.PaddedTokens, (Fp32*)weights);
        T* mixture = mixtures.Start + (long)task * Batch.Stride;
        RowKernels<T>.Mix(weights, normed, Batch.Stride, Batch.Width, Batch.Tokens, mixture);
    }

    protected override T* Outputs(FrozenBlock<T> frozen, long first, int rows, Workspace<T> workspace)
    {
        float* bias = frozen.QkvBias is null ? null : frozen.QkvBias + 2 * Batch.Width;
        for (int row = 0; row < rows; row++)
        {
            T* mixture = mixtures.Start + OfImage(first + row) * Batch.Stride;
            Ahead(frozen, 2, mixture, bias, 1, workspace, workspace.Normed + (long)row * Batch.Stride);
        }
        return workspace.Normed;
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

    protected override void TakeOutputGradient(
        FrozenBlock<T> frozen,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace
    )
    {
        for (int row = 0; row < rows.Count; row++)
        {
            float* gradient = workspace.Out + (long)row * Batch.Width;
            float* mixture = gradients.ClassMixture.Start + OfImage(rows.Start + row) * Batch.Width;
            Back(frozen, 2, gradient, workspace, mixture);
        }
    }

    protected override void AttendBackward(RecordedBlock<T> record, TokenGradients<T> gradients) =>
        Tasks.Each(Batch.Images * Batch.Heads, (task, _) => AttendBackward(record, gradients, task));

    void AttendBackward(RecordedBlock<T> record, TokenGradients<T> gradients, int task)
    {
        int padded = Batch.PaddedTokens;
        float* weights = record.ClassWeights.Start + (long)task * padded;
        float* scores = gradients.ClassScores.Start + (long)task * padded;
        float* mixture = gradients.ClassMixture.Start + (long)task * Batch.Width;
        T* normed = Tokens(record, task);
        RowKernels<T>.Dots(mixture, normed, Batch.Stride, Batch.Width, Batch.Tokens, scores);
        new Span<float>(scores + Batch.Tokens, padded - Batch.Tokens).Clear();
        RowKernels<Fp32>.SoftmaxBackward(scores, (Fp32*)weights, 1, padded, (Fp32*)scores);
        T* asked = gradients.ClassQuery.Start + (long)task * Batch.Stride;
        RowKernels<T>.Mix(scores, normed, Batch.Stride, Batch.Width, Batch.Tokens, asked);
    }

    protected override void NormedGradient(
        FrozenBlock<T> frozen,
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace,
        float* dx
    )
    {
        int width = Batch.Width;
        int end = rows.Start + rows.Count;
        new Span<float>(dx + (long)rows.Start * width, rows.Count * width).Clear();
        for (int start = rows.Start, count; start < end; start += count)
        {
            int image = start / Batch.Tokens;
            int token = start % Batch.Tokens;
            count = Math.Min(Batch.Tokens - token, end - start);
            float* to = workspace.Out + (long)(start - rows.Start) * width;
            Mixtures(record.ClassWeights, gradients.ClassMixture, image, token, count, false, to);
            Mixtures(gradients.ClassScores, record.ClassQuery, image, token, count, true, to);
            if (token > 0)
                continue;
            T* asked = gradients.ClassQuery.Start + OfImage(image) * Batch.Stride;
            Ahead(frozen, 1, asked, null, Scale, workspace, workspace.Normed);
            frozen.ProjectionBack(0).Product(1, workspace.Normed, Batch.Stride, to, width, true);
            float* past = gradients.ClassTokens.Start + (long)image * width;
            new Span<float>(past, width).CopyTo(new Span<float>(dx + (long)start * width, width));
        }
    }

    // Of each of some tokens of an image the sum over its heads of a number times a vector.
    void Mixtures(
        AlignedBuffer<float> numbers,
        AlignedBuffer<float> vectors,
        int image,
        int token,
        int count,
        bool add,
        float* to
    ) =>
        RowKernels<T>.Mixtures(
            numbers.Start + OfImage(image) * Batch.PaddedTokens + token,
            Batch.PaddedTokens,
            vectors.Start + OfImage(image) * Batch.Width,
            Batch.Heads,
            Batch.Width,
            count,
            add,
            to
        );

    // From what heads have of a row, [D], to what that is of normed tokens, [heads,D].
    void Back(FrozenBlock<T> frozen, int part, float* row, Workspace<T> workspace, float* to)
    {
        int headWidth = Batch.HeadWidth;
        T* rows = workspace.HeadRows;
        for (int head = 0; head < Batch.Heads; head++)
        {
            int at = head * headWidth;
            RowKernels<T>.Round(row + at, 1, headWidth, null, rows + (long)head * Batch.Stride + at, Batch.Stride);
        }
        frozen.ProjectionBack(part).Product(Batch.Heads, rows, Batch.Stride, to, Batch.Width);
    }

    // From rows of normed tokens, one a head, [heads,D + spare], to what heads have of them, [D].
    void Ahead(FrozenBlock<T> frozen, int part, T* rows, float* bias, float scale, Workspace<T> workspace, T* to)
    {
        int headWidth = Batch.HeadWidth;
        float* sums = workspace.HeadSums;
        frozen.Projections[part].Product(Batch.Heads, rows, Batch.Stride, sums, Batch.Width);
        for (int head = 0; head < Batch.Heads; head++)
        {
            int at = head * headWidth;
            float* from = sums + (long)head * Batch.Width + at;
            RowKernels<T>.ShiftTo(from, headWidth, bias is null ? null : bias + at, scale, to + at);
        }
    }

    // The normed tokens of the image of a head among [N,heads].
    T* Tokens(BlockPass<T> pass, int task) =>
        pass.Normed.Start + (long)(task / Batch.Heads) * Batch.Tokens * Batch.Stride;

    // The first head of an image among [N,heads].
    long OfImage(long image) => image * Batch.Heads;
}
