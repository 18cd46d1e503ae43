using TorchSharp;
using static TorchSharp.torch;

namespace Retouch;

/// <summary>
/// TorchSharp's functions that take a number, or make one of their own, with that number held until they have
/// returned. Those of TorchSharp are forbidden elsewhere (tests/Retouch.Tests/NativeCallTests.cs).
/// </summary>
static class HeldCalls
{
    static readonly Scalar s_two = 2L.ToScalar();

    /// <summary>The factor of what is added, held for the life of the process.</summary>
    public static Scalar One { get; } = 1L.ToScalar();

    /// <summary>The sum of two tensors; TorchSharp's makes a number for its factor.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>Adds a tensor in place.</summary>
    public static Tensor Plus_(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>The square of each element.</summary>
    public static Tensor Squared(this Tensor x) => x.pow(s_two);

    /// <summary>The one element of a tensor on any device.</summary>
    public static double Number(this Tensor x)
    {
        using Scalar scalar = x.ToScalar();
        return scalar.ToDouble();
    }

    /// <summary>A tensor of one number.</summary>
    public static Tensor Filled(
        ReadOnlySpan<long> shape,
        HeldNumber value,
        ScalarType? type = null,
        Device? device = null
    )
    {
        using Scalar scalar = value.ToScalar();
        return full(shape, scalar, type, device);
    }

    public static Tensor pow(this Tensor x, HeldNumber exponent)
    {
        using Scalar scalar = exponent.ToScalar();
        return x.pow(scalar);
    }

    public static Tensor add_(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.add_(scalar, One);
    }

    public static Tensor add_(this Tensor x, Tensor y, HeldNumber factor)
    {
        using Scalar scalar = factor.ToScalar();
        return x.add_(y, scalar);
    }

    public static Tensor sub_(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.sub_(scalar);
    }

    public static Tensor mul_(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.mul_(scalar);
    }

    public static Tensor div(this Tensor x, HeldNumber y) => x / y;

    public static Tensor div_(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.div_(scalar);
    }

    public static Tensor addcmul_(this Tensor x, Tensor y, Tensor z, HeldNumber factor)
    {
        using Scalar scalar = factor.ToScalar();
        return x.addcmul_(y, z, scalar);
    }

    public static Tensor addcdiv_(this Tensor x, Tensor y, Tensor z, HeldNumber factor)
    {
        using Scalar scalar = factor.ToScalar();
        return x.addcdiv_(y, z, scalar);
    }

    public static Tensor clamp(this Tensor x, HeldNumber least, HeldNumber most)
    {
        using Scalar from = least.ToScalar();
        using Scalar to = most.ToScalar();
        return x.clamp(from, to);
    }

    public static Tensor clamp_min(this Tensor x, HeldNumber least)
    {
        using Scalar scalar = least.ToScalar();
        return x.clamp_min(scalar);
    }

    public static Tensor clamp_min_(this Tensor x, HeldNumber least)
    {
        using Scalar scalar = least.ToScalar();
        return x.clamp_min_(scalar);
    }

    public static Tensor clamp_max(this Tensor x, HeldNumber most)
    {
        using Scalar scalar = most.ToScalar();
        return x.clamp_max(scalar);
    }

    public static Tensor eq(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.eq(scalar);
    }

    public static Tensor ne(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.ne(scalar);
    }

    public static Tensor gt(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.gt(scalar);
    }

    public static Tensor ge(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.ge(scalar);
    }

    public static Tensor le(this Tensor x, HeldNumber y)
    {
        using Scalar scalar = y.ToScalar();
        return x.le(scalar);
    }

    public static Tensor index_add(this Tensor x, long axis, Tensor index, Tensor y, HeldNumber factor)
    {
        using Scalar scalar = factor.ToScalar();
        return x.index_add(axis, index, y, scalar);
    }

    public static Tensor index_add_(this Tensor x, long axis, Tensor index, Tensor y, HeldNumber factor)
    {
        using Scalar scalar = factor.ToScalar();
        return x.index_add_(axis, index, y, scalar);
    }

    public static Tensor index_fill(this Tensor x, long axis, Tensor index, HeldNumber value)
    {
        using Scalar scalar = value.ToScalar();
        return x.index_fill(axis, index, scalar);
    }
}
