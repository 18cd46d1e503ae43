using System.Runtime.Intrinsics.X86;
using Retouch.Kernels;
using Retouch.Vit;

namespace Retouch.Suffix;

/// <summary>Which precision is the better one for a model on this machine.</summary>
public static class PrecisionChoice
{
    /// <summary>
    /// Whether the processor multiplies bfloat16 (avx512_bf16, AMX); without, it is emulated and slower than float32.
    /// </summary>
    public static bool ProcessorHasBFloat16 { get; } =
        Avx512F.IsSupported && (Bit(X86Base.CpuId(7, 1).Eax, 5) || Bit(X86Base.CpuId(7, 0).Edx, 22));

    /// <summary>
    /// Whether there are kernels of this library's own for products in float32 or bfloat16: libtorch must be loaded,
    /// and the processor must have AVX2 and FMA, for bfloat16 AVX-512 with avx512_bf16 or AMX. Without them the same is
    /// computed by libtorch's, slower.
    /// </summary>
    /// <param name="type"><see cref="Precision.Full"/> or <see cref="Precision.Mixed"/>.</param>
    public static bool HasKernels(Precision type) => type == Precision.Mixed ? Native.HasBFloat16 : Native.HasSingle;

    /// <summary>Whether products in bfloat16 are AMX's.</summary>
    internal static bool HasTiles => Native.HasTiles;

    /// <summary>
    /// Cuts a model with bfloat16 where the processor has it and, for edits, the model's predictions agree
    /// (<see cref="PrecisionCheck.Agrees"/>), else in float32.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="space">Where edits may change it.</param>
    /// <param name="wanted">
    /// For what bfloat16 is wanted: <see cref="Precision.Checked"/> or <see cref="Precision.Mixed"/>.
    /// </param>
    /// <exception cref="ArgumentException">The space is not one of the model.</exception>
    public static SplitVit Cut(VitModel model, EditSpace space, Precision wanted = Precision.Mixed)
    {
        if (!ProcessorHasBFloat16)
            return new SplitVit(model, space);
        SplitVit split = new(model, space, wanted);
        // Checked predictions look for themselves, when the first is asked for: an edit that asks for none need not
        // wait.
        return wanted != Precision.Mixed || split.Check.Agrees ? split : new SplitVit(model, space);
    }

    static bool Bit(int register, int bit) => (register >> bit & 1) == 1;
}
