using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// What a subtraction of patches loses. A sum is rounded, so that the edited weight less the change is not always the
/// weight that was there: where an edited weight is larger, its last bits are gone. Those bits are kept: for each
/// weight that the subtraction does not give back, how far it is from the one before it that was kept, and the bits in
/// which it differs, as variable-length numbers in base 64. Most weights need none.
/// </summary>
static class UndoBits
{
    /// <summary>The most bytes that are kept; every loader of the file reads past them.</summary>
    public const int Most = 1 << 20;

    /// <summary>The bits that are lost; null where they are more than <see cref="Most"/>.</summary>
    /// <param name="before">The weights without the patches, by canonical name.</param>
    /// <param name="after">The same with them, as they are stored.</param>
    /// <param name="patches">The patches in the order in which they are summed.</param>
    /// <param name="round">
    /// Rounds a weight to the type in which it is stored; the result is the caller's scope's.
    /// </param>
    public static string? Of(
        IReadOnlyDictionary<string, Tensor> before,
        IReadOnlyDictionary<string, Tensor> after,
        IReadOnlyList<Patch> patches,
        Func<string, Tensor, Tensor> round
    )
    {
        using MemoryStream bytes = new();
        uint gap = 0;
        foreach (string name in after.Keys.Order(StringComparer.Ordinal))
        {
            using DisposeScope scope = NewDisposeScope();
            int[] guess = Bits(Subtracted(name, after[name], patches, round));
            int[] right = Bits(before[name]);
            for (int i = 0; i < right.Length; i++, gap++)
            {
                if (guess[i] == right[i])
                    continue;
                Write(bytes, gap);
                Write(bytes, (uint)(guess[i] ^ right[i]));
                gap = uint.MaxValue; // which the loop's step makes 0
                if (bytes.Length > Most)
                    return null;
            }
        }
        return Convert.ToBase64String(bytes.ToArray());
    }

    /// <summary>
    /// The weights without the patches, new float32 tensors by canonical name that the caller disposes; null where the
    /// bits are none that <see cref="Of"/> made. Whether they are right their fingerprint says.
    /// </summary>
    /// <param name="text">What <see cref="Of"/> gave.</param>
    /// <param name="after">The weights with the patches, as they are stored.</param>
    /// <param name="patches">The patches in the order in which they are summed.</param>
    /// <param name="round">As above.</param>
    public static Dictionary<string, Tensor>? Undo(
        string text,
        IReadOnlyDictionary<string, Tensor> after,
        IReadOnlyList<Patch> patches,
        Func<string, Tensor, Tensor> round
    )
    {
        byte[] bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out int length))
            return null;
        ReadOnlySpan<byte> left = bytes.AsSpan(0, length);
        Dictionary<string, Tensor> before = [];
        bool more = Next(ref left, out uint gap, out uint bits);
        foreach (string name in after.Keys.Order(StringComparer.Ordinal))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor guess = Subtracted(name, after[name], patches, round);
            int[] values = Bits(guess);
            long at = 0;
            while (more && gap < values.Length - at)
            {
                at += gap;
                values[at++] ^= (int)bits;
                more = Next(ref left, out gap, out bits);
            }
            if (more)
                gap -= (uint)(values.Length - at);
            before[name] = tensor(MemoryMarshal.Cast<int, float>(values).ToArray(), guess.shape)
                .MoveToOuterDisposeScope();
        }
        return before;
    }

    static Tensor Subtracted(
        string name,
        Tensor after,
        IReadOnlyList<Patch> patches,
        Func<string, Tensor, Tensor> round
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = after.to(ScalarType.Float64);
        Tensor change = zeros_like(wide);
        foreach (Patch patch in patches.Where(p => p.Change.Names.Contains(name)))
            change = patch.Change.Apply(name, change);
        return round(name, wide.Plus(change.neg()).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    static int[] Bits(Tensor tensor) =>
        MemoryMarshal.Cast<float, int>(tensor.cpu().contiguous().data<float>().ToArray()).ToArray();

    static void Write(MemoryStream to, uint value)
    {
        for (; value > 0x7f; value >>= 7)
            to.WriteByte((byte)(value | 0x80));
        to.WriteByte((byte)value);
    }

    static bool Next(ref ReadOnlySpan<byte> from, out uint gap, out uint bits)
    {
        (gap, bits) = (0, 0);
        return from.Length > 0 && Read(ref from, out gap) && Read(ref from, out bits);
    }

    static bool Read(ref ReadOnlySpan<byte> from, out uint value)
    {
        value = 0;
        for (int shift = 0; shift < 35 && from.Length > 0; shift += 7)
        {
            byte b = from[0];
            from = from[1..];
            value |= (uint)(b & 0x7f) << shift;
            if (b < 0x80)
                return true;
        }
        return false;
    }
}
