using TorchSharp;
using static TorchSharp.torch;

namespace Retouch;

/// <summary>
/// A number on its way into libtorch. TorchSharp makes a scalar with a finalizer of it, hands over its native
/// pointer and holds it no longer: a garbage collection that another thread sets off during the call frees it
/// under libtorch's hands. Whatever takes such a number here holds its scalar until the call has returned, and
/// frees it then.
/// </summary>
readonly struct HeldNumber
{
    readonly double _real;
    readonly long _whole;
    readonly bool _isWhole;

    HeldNumber(double real, long whole, bool isWhole) => (_real, _whole, _isWhole) = (real, whole, isWhole);

    /// <summary>A number with a fraction; a tensor of whole numbers becomes one of fractions by it.</summary>
    public static HeldNumber Held(double value) => new(value, 0, false);

    /// <summary>A whole number, which leaves a tensor its type.</summary>
    public static HeldNumber Held(long value) => new(0, value, true);

    /// <summary>The scalar, which the caller disposes once libtorch has read it.</summary>
    public Scalar ToScalar() => _isWhole ? _whole.ToScalar() : _real.ToScalar();

    public static Tensor operator +(Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.add(scalar, HeldCalls.One);
    }

    public static Tensor operator +(HeldNumber x, Tensor y) => y + x;

    public static Tensor operator -(Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.sub(scalar);
    }

    public static Tensor operator -(HeldNumber x, Tensor y) => y.negative() + x;

    public static Tensor operator *(Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.mul(scalar);
    }

    public static Tensor operator *(HeldNumber x, Tensor y) => y * x;

    public static Tensor operator /(Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.div(scalar);
    }

    public static Tensor operator /(HeldNumber x, Tensor y) => y.reciprocal() * x;
}
