using Retouch.Locating;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>What a repair is made of. Owns nothing.</summary>
/// <param name="Failing">The images to correct, with the classes that they should have.</param>
/// <param name="Near">
/// Images of the same kind that the model gives a right class, with that class: they are to keep it. None to know of
/// none.
/// </param>
/// <param name="Ordinary">What <see cref="GateMemory"/> prepared of ordinary images.</param>
public sealed record RepairInput(RepairImages Failing, RepairImages Near, Preparation Ordinary)
{
    /// <summary>The same with the failing and near images at some places only; in the caller's dispose scope.</summary>
    internal RepairInput At(IReadOnlyList<int> failing, IReadOnlyList<int> near) =>
        this with
        {
            Failing = Failing.At(failing),
            Near = Near.At(near),
        };

    /// <summary>No images of a model's width.</summary>
    public static RepairImages None(int width) => new(zeros([0, width]), []);
}
