using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>Forward and backward: a pass is kept until the next.</summary>
sealed unsafe class RecordingEngine<T> : Engine<T>, IRecordingEngine
    where T : unmanaged, IElement<T>
{
    readonly RecordedPass<T> _pass;
    readonly TokenGradients<T> _gradients;
    readonly FeedForwardGradient<T> _feedForward;

    /// <summary>Memory for a batch.</summary>
    public RecordingEngine(VitModel model, BatchShape shape)
        : base(model, shape)
    {
        _pass = new RecordedPass<T>(Pool, shape, Units);
        _gradients = new TokenGradients<T>(Pool, shape);
        _feedForward = new FeedForwardGradient<T>(shape, Tasks, Units, Sharing);
    }

    protected override ForwardPass<T> Pass => _pass;

    public Tensor ForwardFromFfn(Tensor constant) => AfterFirstFfn(constant);

    public void Backward(Tensor gradient)
    {
        using Tensor whole = gradient.contiguous();
        long bytes = whole.NumberOfElements * sizeof(float);
        Buffer.MemoryCopy(Pointer.Of(whole), _gradients.After(Last), bytes, bytes);
        for (int block = Last; block > Batch.FirstBlock; block--)
        {
            FrozenBlock<T> frozen = Frozen(block);
            RecordedBlock<T> record = _pass.Record(block);
            float* after = _gradients.After(block);
            _feedForward.Backward(block, frozen, record, after);
            AttentionOf(block).Backward(frozen, record, _gradients, after, _gradients.Tokens.Start);
        }
        int first = Batch.FirstBlock;
        _feedForward.Backward(first, Frozen(first), _pass.Record(first), _gradients.After(first));
    }

    public void Gradients(int block, FfnMatrix matrix, int first, Tensor into, bool onlyClass)
    {
        float* to = (float*)Pointer.Of(into);
        int units = (int)into.shape[1];
        RecordedBlock<T> record = _pass.Record(block);
        Tasks.EachUnits(
            units,
            (edit, start, count, _) =>
            {
                float* rows = to + ((long)edit * units + start) * Batch.Width;
                _feedForward.OfUnits(record, matrix, edit, first + start, count, rows, onlyClass);
            }
        );
    }

    public void Descend(
        int block,
        FfnMatrix matrix,
        Tensor weights,
        Tensor deltas,
        Tensor? scales,
        Tensor? mask,
        int at,
        double rate
    )
    {
        float* to = (float*)Pointer.Of(deltas);
        float* counts = mask is null ? null : (float*)Pointer.Of(mask);
        long units = deltas.shape[1];
        RecordedBlock<T> record = _pass.Record(block);
        Set(
            block,
            matrix,
            weights,
            deltas,
            scales,
            at,
            (edit, unit, count, workspace) =>
            {
                _feedForward.OfUnits(record, matrix, edit, unit, count, workspace.Out, false);
                long first = edit * units + unit - at;
                float* delta = to + first * Batch.Width;
                float* scale = counts is null ? null : counts + first;
                RowKernels<Fp32>.Sum(delta, workspace.Out, (float)-rate, scale, count, Batch.Width, (Fp32*)delta);
            }
        );
    }

    public void ScaleGradients(int block, FfnMatrix matrix, int first, Tensor deltas, Tensor into)
    {
        float* along = (float*)Pointer.Of(deltas);
        float* to = (float*)Pointer.Of(into);
        int units = (int)deltas.shape[1];
        RecordedBlock<T> record = _pass.Record(block);
        Tasks.EachUnits(
            units,
            (edit, start, count, workspace) =>
            {
                _feedForward.OfUnits(record, matrix, edit, first + start, count, workspace.Out, false);
                long at = (long)edit * units + start;
                for (int i = 0; i < count; i++)
                {
                    float* gradient = workspace.Out + (long)i * Batch.Width;
                    Fp32* direction = (Fp32*)along + (at + i) * Batch.Width;
                    RowKernels<Fp32>.Dots(gradient, direction, Batch.Width, Batch.Width, 1, to + at + i);
                }
            }
        );
    }
}
