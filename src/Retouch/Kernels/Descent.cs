using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>Steps of optimizers in one pass.</summary>
static unsafe class Descent
{
    // Elements of a task: what one thread has in its cache.
    const int Part = 1 << 14;

    /// <summary>One step of RMSprop, in place.</summary>
    /// <param name="weights">Any shape, float32.</param>
    /// <param name="gradient">The same shape.</param>
    /// <param name="square">The running mean square of gradients.</param>
    /// <param name="alpha">Its smoothing constant.</param>
    /// <param name="epsilon">What is added to its root.</param>
    /// <param name="rate">The learning rate.</param>
    /// <returns>
    /// False, and nothing was done, where the tensors or the processor are not what the kernel is for.
    /// </returns>
    public static bool RmsProp(
        Tensor weights,
        Tensor gradient,
        Tensor square,
        double alpha,
        double epsilon,
        double rate
    )
    {
        if (!Native.HasSingle || !Fits(weights) || !Fits(gradient) || !Fits(square))
            return false;
        float* w = (float*)Pointer.Of(weights);
        float* g = (float*)Pointer.Of(gradient);
        float* q = (float*)Pointer.Of(square);
        long count = weights.NumberOfElements;
        Team.Run(
            (int)((count + Part - 1) / Part),
            Team.Size,
            (task, _) =>
            {
                long start = (long)task * Part;
                int some = (int)Math.Min(Part, count - start);
                RmsProp(
                    w + start,
                    g + start,
                    q + start,
                    some,
                    (float)alpha,
                    (float)(1 - alpha),
                    (float)epsilon,
                    (float)-rate
                );
            }
        );
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void RmsProp(float* w, float* g, float* q, int count, float alpha, float rest, float epsilon, float rate)
    {
        for (int i = 0; i < count; i += Shape.Lanes)
        {
            Vector512<float> gradient = Vector512.Load(g + i);
            Vector512<float> square =
                Vector512.Load(q + i) * Vector512.Create(alpha) + gradient * gradient * Vector512.Create(rest);
            square.Store(q + i);
            Vector512<float> root = Vector512.Sqrt(square) + Vector512.Create(epsilon);
            (Vector512.Load(w + i) + gradient * Vector512.Create(rate) / root).Store(w + i);
        }
    }

    static bool Fits(Tensor tensor) =>
        tensor.dtype == ScalarType.Float32
        && tensor.device_type == TorchSharp.DeviceType.CPU
        && tensor.is_contiguous()
        && tensor.NumberOfElements % Shape.Lanes == 0
        && tensor.NumberOfElements < int.MaxValue / sizeof(float);
}
