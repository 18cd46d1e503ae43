using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What a batch of B edits of S images each computes with, however it is computed. Owns its units' tensors.
/// </summary>
sealed class EditBatch : IDisposable
{
    /// <summary>Orders the units of each edit, block by block.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="selections">The units of each of the B edits.</param>
    /// <param name="images">B·S.</param>
    public EditBatch(SplitVit split, IReadOnlyList<UnitSelection> selections, int images)
    {
        Split = split;
        Edits = selections.Count;
        ImagesPerEdit = images / Edits;
        Units = [.. Enumerable.Range(0, split.Space.Blocks).Select(j => new EditedUnits(split, j, selections))];
    }

    /// <summary>The cut model.</summary>
    public SplitVit Split { get; }

    /// <summary>B.</summary>
    public int Edits { get; }

    /// <summary>S.</summary>
    public int ImagesPerEdit { get; }

    /// <summary>The edits' own units, of each block of the space.</summary>
    public EditedUnits[] Units { get; }

    /// <summary>Those of a matrix.</summary>
    public EditedUnits Of(EditMatrix matrix) => Units[matrix.PlaceOfBlock];

    /// <summary>
    /// The first block's output less the contribution of the units that edits have of their own, <c>[B,S·M,D]</c>.
    /// </summary>
    /// <param name="output">The output, <c>[B·S,M,D]</c>.</param>
    /// <param name="contribution">Without the FFN's bias and scale.</param>
    public Tensor Constant(Tensor output, Tensor contribution) =>
        PerEdit(output) - VitModel.Scaled(PerEdit(contribution), Split.Model.Blocks[Split.Space.FirstBlock].Scale2);

    /// <summary><c>[B·S,M,D]</c> as <c>[B,S·M,D]</c>.</summary>
    public Tensor PerEdit(Tensor x) => x.reshape(Edits, -1, Split.Space.Width);

    /// <summary><c>[B,S·M,D]</c> as <c>[B·S,M,D]</c>.</summary>
    public Tensor PerImage(Tensor x, int tokens) => x.reshape(-1, tokens, Split.Space.Width);

    /// <summary>Frees the units' tensors.</summary>
    public void Dispose()
    {
        foreach (EditedUnits units in Units)
            units.Dispose();
    }
}
