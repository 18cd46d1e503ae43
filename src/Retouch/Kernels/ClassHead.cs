using Retouch.Vit;
using static Retouch.Kernels.Shape;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// From the last block's [CLS] to logits and back, float32 whatever other products are in: for one image, libtorch's
/// calls and a graph of autograd take a twentieth of a step. Owns its memory, not the model.
/// </summary>
/// <param name="model">One that <see cref="PackedHead.Fits"/>.</param>
/// <param name="images">N of every batch.</param>
sealed unsafe class ClassHead(VitModel model, int images) : IDisposable
{
    readonly PackedHead _head = PackedHead.Of(model);
    readonly int _width = model.Config.Width;
    readonly int _padded = Up(model.Config.Classes);
    readonly float _epsilon = (float)model.Config.NormEpsilon;
    readonly AlignedBuffer<float> _tokens = new((long)images * model.Config.Width);
    readonly AlignedBuffer<Fp32> _normed = new((long)images * model.Config.Width);
    readonly AlignedBuffer<float> _statistics = new(2L * images);
    readonly AlignedBuffer<float> _products = new(
        (long)images * Math.Max(Up(model.Config.Classes), model.Config.Width)
    );

    /// <summary>Logits, remembering what <see cref="Backward"/> needs.</summary>
    /// <param name="tokens">[CLS] after the last block, <c>[N,1,D]</c>.</param>
    /// <returns><c>[N,C]</c>; the caller disposes it.</returns>
    public Tensor Logits(Tensor tokens)
    {
        using Tensor whole = tokens.contiguous();
        long bytes = (long)images * _width * sizeof(float);
        Buffer.MemoryCopy(Pointer.Of(whole), _tokens.Start, bytes, bytes);
        RowKernels<Fp32>.Norm(
            _tokens.Start,
            images,
            _width,
            _head.NormWeight,
            _head.NormBias,
            _epsilon,
            _normed.Start,
            _width,
            _statistics.Start
        );
        Share(_head.Ahead, _normed.Start, _width, _padded);
        Tensor logits = empty(images, _head.Classes);
        float* to = (float*)Pointer.Of(logits);
        for (int image = 0; image < images; image++)
        {
            float* row = _products.Start + (long)image * _padded;
            RowKernels<Fp32>.Shift(row, _padded, _head.Bias, 1);
            new Span<float>(row, _head.Classes).CopyTo(new Span<float>(to, _head.Classes));
            to += _head.Classes;
        }
        return logits;
    }

    /// <summary>From the logits' gradient to that of the tokens.</summary>
    /// <param name="gradient"><c>[N,C]</c>.</param>
    /// <returns><c>[N,1,D]</c>; the caller disposes it.</returns>
    public Tensor Backward(Tensor gradient)
    {
        using Tensor whole = gradient.contiguous();
        Share(_head.Back, (Fp32*)Pointer.Of(whole), _head.Classes, _width);
        Tensor tokens = zeros(images, 1, _width);
        RowKernels<Fp32>.NormBackward(
            _products.Start,
            _tokens.Start,
            _statistics.Start,
            images,
            _width,
            _head.NormWeight,
            (float*)Pointer.Of(tokens)
        );
        return tokens;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable memory in (IDisposable[])[_tokens, _normed, _statistics, _products])
            memory.Dispose();
    }

    // [N,k] · [k,n] into the products, a panel of columns a task.
    void Share(PackedMatrix<Fp32> matrix, Fp32* rows, int k, int n)
    {
        int panel = matrix.Width;
        Team.Run(
            (n + panel - 1) / panel,
            Team.Size,
            (task, _) =>
            {
                int first = task * panel;
                matrix.Columns(images, rows, k, _products.Start + first, n, first, Math.Min(panel, n - first));
            }
        );
    }
}
