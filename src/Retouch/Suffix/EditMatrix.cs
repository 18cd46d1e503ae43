using Retouch.Vit;

namespace Retouch.Suffix;

/// <summary>One matrix of an <see cref="EditSpace"/>: whose it is, and its place in the space's order.</summary>
public readonly record struct EditMatrix
{
    internal EditMatrix(EditSpace space, int index)
    {
        int each = space.MatricesOfBlock;
        (Index, PlaceOfBlock, Kind) = (index, index / each, (FfnMatrix)(index % each));
        Block = space.FirstBlock + PlaceOfBlock;
    }

    /// <summary>Its place in the space's order, zero-based.</summary>
    public int Index { get; }

    /// <summary>Its block in the model, zero-based.</summary>
    public int Block { get; }

    /// <summary>Its block among those of the space, zero-based.</summary>
    public int PlaceOfBlock { get; }

    /// <summary>Which of the block's.</summary>
    public FfnMatrix Kind { get; }

    /// <summary>Its canonical name, such as <c>blocks.7.mlp.fc1.weight</c>.</summary>
    public string Name =>
        VitNames.Block(
            Block,
            Kind switch
            {
                FfnMatrix.Fc1 => "mlp.fc1.weight",
                FfnMatrix.Fc2 => "mlp.fc2.weight",
                _ => "mlp.gate.weight",
            }
        );

    /// <summary>Whether a unit is one of its columns, not of its rows.</summary>
    public bool HasColumns => Kind == FfnMatrix.Fc2;

    /// <summary>The block and the kind.</summary>
    public void Deconstruct(out int block, out FfnMatrix kind) => (block, kind) = (Block, Kind);
}
