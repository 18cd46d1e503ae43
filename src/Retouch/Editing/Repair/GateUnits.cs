using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>Hidden units that act as gates: act(x·key + bias)·value each. Owns nothing.</summary>
/// <param name="Keys"><c>[U,D]</c>.</param>
/// <param name="Biases"><c>[U]</c>.</param>
/// <param name="Values"><c>[U,D]</c>.</param>
readonly record struct GateUnits(Tensor Keys, Tensor Biases, Tensor Values)
{
    public int Count => (int)Biases.shape[0];

    /// <summary>These and others; in the caller's scope.</summary>
    public GateUnits Plus(GateUnits other) =>
        new(cat([Keys, other.Keys], 0), cat([Biases, other.Biases], 0), cat([Values, other.Values], 0));

    /// <summary>Those from a place on.</summary>
    public GateUnits From(int first) =>
        new(
            Keys.narrow(0, first, Count - first),
            Biases.narrow(0, first, Count - first),
            Values.narrow(0, first, Count - first)
        );

    public static GateUnits None(long width, Device device) =>
        new(zeros([0, width], device: device), zeros([0], device: device), zeros([0, width], device: device));
}
