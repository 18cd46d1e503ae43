using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;
using unsafe Product = delegate* unmanaged<
    long,
    long,
    long,
    long,
    long,
    long,
    byte,
    float*,
    float*,
    float*,
    byte,
    void>;
using unsafe Product16 = delegate* unmanaged<
    long,
    long,
    long,
    long,
    long,
    long,
    byte,
    ushort*,
    ushort*,
    float*,
    byte,
    void>;
using unsafe Region = delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>;

namespace Retouch.Kernels;

/// <summary>
/// libtorch's own kernels for products of small matrices (oneDNN's, which its attention is made of), and its
/// threads. They are found in the library by name; where it lacks them nothing here may be called.
/// </summary>
static unsafe class Native
{
    const sbyte BFloat16Type = 15; // c10::ScalarType

    static readonly Region s_parallel;
    static readonly Product s_product;
    static readonly Product16 s_product16;
    static readonly delegate* unmanaged<byte, void> s_release;

    static Native()
    {
        if (!Avx2.IsSupported || !Fma.IsSupported || !Allowed("AVX2"))
            return;
        _ = get_num_threads(); // TorchSharp has loaded the library once it has answered
        if (
            !NativeLibrary.TryLoad("libtorch_cpu.so", out nint library)
            || !NativeLibrary.TryGetExport(library, "GOMP_parallel", out nint parallel)
            || !NativeLibrary.TryGetExport(library, "_ZN2at6native7cpublas6brgemmEllllllbPKfS3_Pfb", out nint product)
            || !NativeLibrary.TryGetExport(
                library,
                "_ZN2at6native7cpublas6brgemmEllllllbPKN3c108BFloat16ES5_Pfb",
                out nint product16
            )
            || !NativeLibrary.TryGetExport(library, "_ZN2at6native7cpublas14brgemm_releaseEb", out nint release)
            || !NativeLibrary.TryGetExport(
                library,
                "_ZN2at6native7cpublas10could_packEN3c1010ScalarTypeE",
                out nint packs
            )
        )
            return;
        s_parallel = (Region)parallel;
        s_product = (Product)product;
        s_product16 = (Product16)product16;
        s_release = (delegate* unmanaged<byte, void>)release;
        HasSingle = true;
        HasTiles = ((delegate* unmanaged<sbyte, byte>)packs)(BFloat16Type) != 0;
        HasBFloat16 = HasTiles || (Avx512BW.IsSupported && DotsBFloat16 && Allowed("AVX512_CORE_BF16"));
    }

    // avx512_bf16
    static bool DotsBFloat16 => (X86Base.CpuId(7, 1).Eax >> 5 & 1) == 1;

    // Whether oneDNN's environment lets it use an instruction set; its kernels end the process where it does not.
    static bool Allowed(string set)
    {
        string[] sets = ["SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"];
        string most = Variable("ONEDNN_MAX_CPU_ISA") ?? Variable("DNNL_MAX_CPU_ISA") ?? "";
        int limit = Array.IndexOf(sets, most.ToUpperInvariant());
        int wanted = Array.IndexOf(sets, set);
        return limit < 0 || (wanted >= 0 && limit >= wanted);

        static string? Variable(string name) => Environment.GetEnvironmentVariable(name);
    }

    /// <summary>Whether there are threads and products in float32.</summary>
    public static bool HasSingle { get; }

    /// <summary>
    /// Whether there are products in bfloat16, which takes a processor with AMX or with AVX-512's dot products of it.
    /// </summary>
    public static bool HasBFloat16 { get; }

    /// <summary>Whether those are AMX's, on tiles of 16 rows.</summary>
    public static bool HasTiles { get; }

    /// <summary>
    /// Calls a function on several of libtorch's threads, this one among them, and returns when all have.
    /// </summary>
    public static void Parallel(delegate* unmanaged<void*, void> function, void* argument, int threads) =>
        s_parallel(function, argument, (uint)threads, 0);

    /// <summary><c>[m,k] · [k,n]</c>, row by row, over or added to <c>[m,n]</c>.</summary>
    public static void Product(
        int m,
        int n,
        int k,
        float* a,
        int strideA,
        float* b,
        int strideB,
        float* c,
        int strideC,
        bool add
    ) => s_product(m, n, k, strideA, strideB, strideC, add ? (byte)1 : (byte)0, a, b, c, 0);

    /// <summary>
    /// The same in bfloat16 with sums in float32; of the second factor two rows lie interleaved, <c>[k/2,n,2]</c>.
    /// </summary>
    public static void Product(
        int m,
        int n,
        int k,
        ushort* a,
        int strideA,
        ushort* b,
        int strideB,
        float* c,
        int strideC,
        bool add
    ) => s_product16(m, n, k, strideA, strideB, strideC, add ? (byte)1 : (byte)0, a, b, c, 1);

    /// <summary>
    /// Leaves this thread's matrix registers to others, whom products in bfloat16 would find them taken.
    /// </summary>
    public static void Release() => s_release(1);
}
