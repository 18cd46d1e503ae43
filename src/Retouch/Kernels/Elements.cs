using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Retouch.Kernels;

/// <summary>What the factors of products are stored in.</summary>
/// <typeparam name="T">The type itself.</typeparam>
unsafe interface IElement<T>
    where T : unmanaged
{
    /// <summary>How many elements of a column of a second factor lie side by side.</summary>
    static abstract int Depth { get; }

    /// <summary>16 elements as float32.</summary>
    static abstract Vector512<float> Load(T* from);

    /// <summary>One element as float32.</summary>
    static abstract float Value(T* from);

    /// <summary>Rounds 16 values to elements.</summary>
    static abstract void Store(T* to, Vector512<float> values);

    /// <summary>
    /// Copies 16 elements of each of two neighbouring rows of a second factor to where a product finds them; the second
    /// may be past the end.
    /// </summary>
    static abstract void Interleave(T* to, T* first, T* second);

    /// <summary>16 elements of one row of a second factor as float32.</summary>
    /// <param name="from">Where the first lies, or the one above it that it lies beside.</param>
    /// <param name="row">The row's number.</param>
    static abstract Vector512<float> LoadRow(T* from, int row);

    /// <summary><c>[m,k] · [k,n]</c> over or added to <c>[m,n]</c> float32.</summary>
    static abstract void Product(
        int m,
        int n,
        int k,
        T* a,
        int strideA,
        T* b,
        int strideB,
        float* c,
        int strideC,
        bool add
    );
}

/// <summary>float32.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(float))]
readonly unsafe struct Fp32 : IElement<Fp32>
{
    public static int Depth => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp32* from) => Vector512.Load((float*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Value(Fp32* from) => *(float*)from;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Fp32* to, Vector512<float> values) => values.Store((float*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Interleave(Fp32* to, Fp32* first, Fp32* second) => Load(first).Store((float*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadRow(Fp32* from, int row) => Load(from);

    public static void Product(
        int m,
        int n,
        int k,
        Fp32* a,
        int strideA,
        Fp32* b,
        int strideB,
        float* c,
        int strideC,
        bool add
    ) => Native.Product(m, n, k, (float*)a, strideA, (float*)b, strideB, c, strideC, add);
}

/// <summary>The upper half of a float32, rounded to nearest, ties to even.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(ushort))]
readonly unsafe struct Bf16 : IElement<Bf16>
{
    public static int Depth => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Bf16* from) => (Widen(from) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Value(Bf16* from) => BitConverter.Int32BitsToSingle(*(ushort*)from << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Bf16* to, Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32();
        Vector512<uint> odd = (bits >>> 16) & Vector512.Create(1u);
        Avx512F.ConvertToVector256UInt16((bits + odd + Vector512.Create(0x7FFFu)) >>> 16).Store((ushort*)to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Interleave(Bf16* to, Bf16* first, Bf16* second) =>
        (second is null ? Widen(first) : Widen(first) | Widen(second) << 16).Store((uint*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadRow(Bf16* from, int row)
    {
        Vector512<uint> pairs = Vector512.Load((uint*)from);
        return (row % 2 == 0 ? pairs << 16 : pairs & Vector512.Create(0xFFFF0000u)).AsSingle();
    }

    public static void Product(
        int m,
        int n,
        int k,
        Bf16* a,
        int strideA,
        Bf16* b,
        int strideB,
        float* c,
        int strideC,
        bool add
    ) => Native.Product(m, n, k, (ushort*)a, strideA, (ushort*)b, strideB, c, strideC, add);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Widen(Bf16* from) => Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)from));
}
