using Retouch.Vit;

namespace Retouch.Suffix;

/// <summary>One matrix of an <see cref="EditSpace"/>: whose it is, and its place in the space's order.</summary>
public readonly record struct EditMatrix
{
    internal EditMatrix(EditSpace space, int index)
    {
        (Index, PlaceOfBlock, Kind) = (index, index / 2, (FfnMatrix)(index % 2));
        Block = space.FirstBlock + PlaceOfBlock;
    }

    /// <summary>Its place in the space's order, zero-based.</summary>
    public int Index { get; }

    /// <summary>Its block in the model, zero-based.</summary>
    public int Block { get; }

    /// <summary>Its block among those of the space, zero-based.</summary>
    public int PlaceOfBlock { get; }

    /// <summary>Which of the block's two.</summary>
    public FfnMatrix Kind { get; }

    /// <summary>Its canonical name, such as <c>blocks.7.mlp.fc1.weight</c>.</summary>
    public string Name => VitNames.Block(Block, Kind == FfnMatrix.Fc1 ? "mlp.fc1.weight" : "mlp.fc2.weight");

    /// <summary>The block and the kind.</summary>
    public void Deconstruct(out int block, out FfnMatrix kind) => (block, kind) = (Block, Kind);

    /// <summary>The place of one of a block's matrices in the order of a space.</summary>
    /// <param name="placeOfBlock">The block among those of the space, zero-based.</param>
    /// <param name="kind">Which of its two.</param>
    internal static int IndexOf(int placeOfBlock, FfnMatrix kind) => 2 * placeOfBlock + (int)kind;
}
