using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>What a repair is made of. Owns nothing.</summary>
/// <param name="Failing">The images to correct, with the classes that they should have.</param>
/// <param name="Near">
/// Images of the same kind that the model gives a right class, with that class: they are to keep it. None to know of
/// none.
/// </param>
/// <param name="Ordinary">
/// What <see cref="GateMemory"/> prepared of ordinary images; null where <paramref name="Near"/> stand for them.
/// </param>
public sealed record RepairInput(RepairImages Failing, RepairImages Near, Preparation? Ordinary)
{
    /// <summary>
    /// Where the model that the change is for is cut, where the model that is repaired has more hidden units than it;
    /// null where they have as many.
    /// </summary>
    public EditSpace? Space { get; init; }

    /// <summary>
    /// Images that earlier patches corrected and that are right still: one that the repair would break gets a gate of
    /// its own. They are among <see cref="Near"/>, too. Null for none.
    /// </summary>
    public RepairImages? Promised { get; init; }

    /// <summary>
    /// The model whose answers ordinary images are to keep, where the one that is repaired was edited before; null for
    /// that one. Not owned.
    /// </summary>
    public VitModel? Unedited { get; init; }

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
