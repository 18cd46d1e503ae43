using System.Runtime.CompilerServices;

namespace Retouch.Kernels;

/// <summary>Attention of all tokens to all tokens: products of matrices, head by head.</summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="output">What heads give, <c>[R,D + spare]</c>.</param>
/// <param name="pool">Memory at the first use.</param>
sealed unsafe class TokenAttention<T>(BatchShape shape, TaskSharing<T> tasks, AlignedBuffer<T> output, BufferPool pool)
    : Attention<T>(shape, tasks)
    where T : unmanaged, IElement<T>
{
    readonly AlignedBuffer<T> _output = output;
    readonly List<PackedMatrix<T>> _scores = []; // the gradients of a head's, where parts of it are tasks

    protected override int TokensAfter => Batch.Tokens;

    protected override T* Normed(BlockPass<T> pass, RowRange rows, Workspace<T> workspace) => workspace.Normed;

    protected override void Project(FrozenBlock<T> frozen, BlockPass<T> pass, RowRange rows, Workspace<T> workspace)
    {
        ProjectPart(frozen, 0, Scale, rows, workspace, pass.Query);
        ProjectPart(frozen, 1, 1, rows, workspace, pass.Key);
        ProjectPart(frozen, 2, 1, rows, workspace, pass.Value);
    }

    // Where heads are few, threads would wait for the last of them.
    protected override int AttendParts => Batch.Images * Batch.Heads < 4 * Team.Size ? RowParts : 1;

    int RowParts => (Batch.Tokens + Batch.RowsOfTask - 1) / Batch.RowsOfTask;

    protected override void Attend(BlockPass<T> pass, int task, int part, Workspace<T> workspace)
    {
        AttentionWorkspace<T> head = workspace.Attention;
        int padded = Batch.PaddedTokens;
        int headWidth = Batch.HeadWidth;
        long at = Batch.HeadStart(task);
        T* query = pass.Query.Start + at;
        PackedMatrix<T> keys = head.Columns;
        PackedMatrix<T> values = head.Rows;
        keys.PutColumns(pass.Key.Start + at, headWidth, padded);
        values.PutRows(pass.Value.Start + at, headWidth, padded, headWidth);
        bool all = AttendParts == 1;
        int end = all ? Batch.Tokens : Math.Min((part + 1) * Batch.RowsOfTask, Batch.Tokens);
        for (int start = part * Batch.RowsOfTask; start < end; start += Batch.RowsOfTask)
        {
            int rows = Math.Min(Batch.RowsOfTask, Batch.Tokens - start);
            int taken = PackedMatrix<T>.RowsTaken(rows);
            T* weights = pass.SoftmaxWeights(task, start, head);
            keys.Product(taken, query + (long)start * headWidth, headWidth, head.Scores.Start, padded);
            RowKernels<T>.Softmax(head.Scores.Start, rows, Batch.Tokens, padded, weights);
            values.Product(taken, weights, padded, head.Output.Start, headWidth);
            Gather(head.Output.Start, 1, task, start, rows, _output.Start);
        }
    }

    protected override T* Outputs(FrozenBlock<T> frozen, long first, int rows, Workspace<T> workspace) =>
        _output.Start + first * Batch.Stride;

    protected override void AddResidual(
        FrozenBlock<T> frozen,
        float* x,
        float* projected,
        long first,
        int rows,
        float* residual
    )
    {
        long at = first * Batch.Width;
        RowKernels<T>.Add(x + at, projected, rows, Batch.Width, frozen.ProjBias, frozen.Scale1, residual + at);
    }

    protected override void TakeOutputGradient(
        FrozenBlock<T> frozen,
        TokenGradients<T> gradients,
        RowRange rows,
        Workspace<T> workspace
    ) => Scatter(workspace.Out, null, 1, rows, gradients.Output.Start);

    protected override void AttendBackward(RecordedBlock<T> record, TokenGradients<T> gradients)
    {
        int heads = Batch.Images * Batch.Heads;
        int parts = AttendParts;
        if (parts == 1)
        {
            Tasks.Each(
                heads,
                (task, workspace) =>
                {
                    PackedMatrix<T> scores = workspace.AttentionGradient.Scores;
                    ScoreGradients(record, gradients, task, 0, Batch.Tokens, workspace, scores);
                    KeyGradients(record, gradients, task, workspace, scores);
                    ValueGradients(record, gradients, task, workspace);
                }
            );
            return;
        }
        // As for the way forward, threads would wait for the last of few heads.
        while (_scores.Count < heads)
            _scores.Add(pool.TakeMatrix<T>(Batch.PaddedTokens, Batch.PaddedTokens));
        Tasks.Each(
            heads * parts,
            (task, workspace) =>
            {
                int head = task / parts;
                int start = task % parts * Batch.RowsOfTask;
                int end = Math.Min(start + Batch.RowsOfTask, Batch.Tokens);
                ScoreGradients(record, gradients, head, start, end, workspace, _scores[head]);
            }
        );
        Tasks.Each(
            2 * heads,
            (task, workspace) =>
            {
                int head = task / 2;
                if (task % 2 == 0)
                    KeyGradients(record, gradients, head, workspace, _scores[head]);
                else
                    ValueGradients(record, gradients, head, workspace);
            }
        );
    }

    // The gradients of the scores of some of a head's queries, into their place among all of them, and from there those
    // of the queries.
    void ScoreGradients(
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        int task,
        int from,
        int end,
        Workspace<T> workspace,
        PackedMatrix<T> scores
    )
    {
        AttentionWorkspace<T> head = workspace.Attention;
        int padded = Batch.PaddedTokens;
        int headWidth = Batch.HeadWidth;
        long at = Batch.HeadStart(task);
        T* dOutput = gradients.Output.Start + at;
        PackedMatrix<T> values = head.Columns;
        PackedMatrix<T> keys = head.Rows;
        values.PutColumns(record.Value.Start + at, headWidth, padded);
        keys.PutRows(record.Key.Start + at, headWidth, padded, headWidth);
        for (int start = from; start < end; start += Batch.RowsOfTask)
        {
            int rows = Math.Min(Batch.RowsOfTask, end - start);
            int taken = PackedMatrix<T>.RowsTaken(rows);
            T* weights = record.SoftmaxWeights(task, start);
            T* dScores = head.Weights.Start;
            values.Product(taken, dOutput + (long)start * headWidth, headWidth, head.Scores.Start, padded);
            RowKernels<T>.SoftmaxBackward(head.Scores.Start, weights, rows, padded, dScores);
            keys.Product(taken, dScores, padded, head.Output.Start, headWidth);
            Gather(head.Output.Start, Scale, task, start, rows, gradients.Query.Start);
            scores.PutRows(dScores, padded, rows, padded, start);
        }
    }

    // Of one head. Queries carry the scale already.
    void KeyGradients(
        RecordedBlock<T> record,
        TokenGradients<T> gradients,
        int task,
        Workspace<T> workspace,
        PackedMatrix<T> scores
    )
    {
        T* query = record.Query.Start + Batch.HeadStart(task);
        TransposedProduct(workspace.AttentionGradient, scores, query, task, gradients.Key.Start);
    }

    // Of one head.
    void ValueGradients(RecordedBlock<T> record, TokenGradients<T> gradients, int task, Workspace<T> workspace)
    {
        AttentionGradientWorkspace<T> all = workspace.AttentionGradient;
        int padded = Batch.PaddedTokens;
        all.Weights.PutRows(record.SoftmaxWeights(task, 0), padded, Batch.Tokens, padded);
        T* dOutput = gradients.Output.Start + Batch.HeadStart(task);
        TransposedProduct(all, all.Weights, dOutput, task, gradients.Value.Start);
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
        AlignedBuffer<T>[] parts = [gradients.Query, gradients.Key, gradients.Value];
        for (int part = 0; part < parts.Length; part++)
        {
            frozen
                .ProjectionBack(part)
                .Product(
                    PackedMatrix<T>.RowsTaken(rows.Count),
                    parts[part].Start + (long)rows.Start * Batch.Stride,
                    Batch.Stride,
                    workspace.Out,
                    Batch.Width,
                    part > 0
                );
        }
    }

    // [Tp,Tp]ᵀ · [Tp,D/heads] to a head's columns of rows of tokens: turned, for the second factor is the smaller one to
    // turn.
    void TransposedProduct(AttentionGradientWorkspace<T> all, PackedMatrix<T> matrix, T* factor, int task, T* to)
    {
        int padded = Batch.PaddedTokens;
        int headWidth = Batch.HeadWidth;
        int image = task / Batch.Heads;
        int head = task % Batch.Heads;
        RowKernels<T>.Transpose(factor, headWidth, padded, headWidth, all.Transposed.Start, padded);
        matrix.Product(headWidth, all.Transposed.Start, padded, all.Sums.Start, padded);
        RowKernels<T>.TransposeSums(
            all.Sums.Start,
            padded,
            Batch.Tokens,
            headWidth,
            to + ((long)image * Batch.Tokens * Batch.Stride + head * headWidth),
            Batch.Stride
        );
    }

    // Rows of one head of one image from a token on, [rows,D/heads], to rows of tokens.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Gather(float* from, float scale, int task, int token, int rows, T* to)
    {
        int headWidth = Batch.HeadWidth;
        int start = task / Batch.Heads * Batch.Tokens + token;
        int head = task % Batch.Heads;
        for (int row = 0; row < rows; row++)
        {
            RowKernels<T>.ShiftTo(
                from + (long)row * headWidth,
                headWidth,
                null,
                scale,
                to + (long)(start + row) * Batch.Stride + head * headWidth
            );
        }
    }

    /// <summary>Projects a workspace's normed rows to all heads.</summary>
    /// <param name="frozen">The block.</param>
    /// <param name="part">0 for queries, 1 for keys, 2 for values.</param>
    /// <param name="scale">What they are multiplied by.</param>
    /// <param name="rows">Which rows.</param>
    /// <param name="workspace">Has them.</param>
    /// <param name="to">Gets queries, keys or values, <c>[N,heads,Tp,D/heads]</c>.</param>
    void ProjectPart(
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
    void Scatter(float* from, float* bias, float scale, RowRange rows, T* to)
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
