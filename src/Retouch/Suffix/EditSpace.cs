using System.Globalization;
using Retouch.Vit;

namespace Retouch.Suffix;

/// <summary>
/// Where an edit may change a model: the FFN matrices of a window of consecutive blocks, biases
/// excluded. Fixes the order of everything that has one value a matrix: first block fc1, first block fc2,
/// where FFNs are gated first block gate, next block fc1, … . A *unit* is a row of fc1 or of the gate, or a column of
/// fc2. Immutable.
/// </summary>
public sealed record EditSpace
{
    /// <summary>
    /// Creates a window of <paramref name="blocks"/> blocks from <paramref name="firstBlock"/> (zero-based) on.
    /// </summary>
    /// <exception cref="BadInputException">The window does not lie within the model's blocks.</exception>
    public EditSpace(VitConfig config, int firstBlock, int blocks)
    {
        if (blocks < 1 || firstBlock < 0 || firstBlock > config.Depth - blocks)
            throw BadInput.OutOfRange(
                null,
                $"Blocks {firstBlock} to {firstBlock + blocks - 1} do not lie within the model's blocks 0 to "
                    + $"{config.Depth - 1}."
            );
        VitPlace place = config.At(firstBlock);
        if (config.At(firstBlock + blocks - 1).Width != place.Width)
            throw BadInput.OutOfRange(
                null,
                $"Blocks {firstBlock} to {firstBlock + blocks - 1} are of different widths; a window of edits lies "
                    + "within one stage of the model."
            );
        (FirstBlock, Blocks, Hidden, Width) = (firstBlock, blocks, place.MlpWidth, place.Width);
        IsGated = config.Block.GatedFfn;
    }

    EditSpace(int firstBlock, int blocks, int hidden, int width, bool gated) =>
        (FirstBlock, Blocks, Hidden, Width, IsGated) = (firstBlock, blocks, hidden, width, gated);

    /// <summary>The first editable block, zero-based.</summary>
    public int FirstBlock { get; }

    /// <summary>The number of editable blocks.</summary>
    public int Blocks { get; }

    /// <summary>Hidden units of an FFN, H.</summary>
    public int Hidden { get; }

    /// <summary>Width of a token, D: the number of weights of a unit.</summary>
    public int Width { get; }

    /// <summary>The last editable block, zero-based.</summary>
    public int LastBlock => FirstBlock + Blocks - 1;

    /// <summary>Whether another space is the same window of a model with more or fewer hidden units.</summary>
    internal bool CutsAlike(EditSpace other) =>
        FirstBlock == other.FirstBlock && Blocks == other.Blocks && Width == other.Width;

    /// <summary>The window in a word, zero-based: <c>7-9</c>, or <c>7</c> of one block.</summary>
    public string BlockRange => Range(FirstBlock, Blocks);

    /// <summary>A window in a word: <c>7-9</c>, or <c>7</c> of one block.</summary>
    internal static string Range(int firstBlock, int blocks) =>
        string.Create(CultureInfo.InvariantCulture, $"{firstBlock}{(blocks > 1 ? $"-{firstBlock + blocks - 1}" : "")}");

    /// <summary>Whether the FFNs are gated, and a hidden unit has a row of a third matrix.</summary>
    public bool IsGated { get; }

    /// <summary>The number of editable matrices of a block: two, or three where FFNs are gated.</summary>
    public int MatricesOfBlock => IsGated ? 3 : 2;

    /// <summary>The number of editable matrices.</summary>
    public int Matrices => MatricesOfBlock * Blocks;

    /// <summary>The number of units: the length of a mask.</summary>
    public int Units => Matrices * Hidden;

    /// <summary>
    /// The paper's window: blocks 8, 9, 10 of 12 (zero-based 7, 8, 9), which gave the best GR-LR front of
    /// all windows of three; in a model of another depth the same share of the way up.
    /// </summary>
    public static EditSpace Default(VitConfig config)
    {
        int blocks = MostBlocks(config);
        int first = Math.Min((int)Math.Round(config.Depth * 7 / 12.0), config.Depth - blocks);
        // Of several stages within the last.
        if (config.Stages.Count > 0)
            first = Math.Max(first, config.Depth - config.Stages[^1].Depth);
        return new EditSpace(config, first, blocks);
    }

    /// <summary>The last three blocks, or all of fewer.</summary>
    public static EditSpace Last(VitConfig config)
    {
        int blocks = MostBlocks(config);
        return new EditSpace(config, config.Depth - blocks, blocks);
    }

    static int MostBlocks(VitConfig config) =>
        Math.Min(3, config.Stages.Count > 0 ? config.Stages[^1].Depth : config.Depth);

    /// <summary>
    /// A space that is cut before a block's attention, for edits of that: it begins a block earlier. Before the
    /// first block stands the embedding, whose place is −1 and where no FFN can be edited.
    /// </summary>
    /// <exception cref="BadInputException">The window does not lie within the model's blocks.</exception>
    internal static EditSpace BeforeAttention(VitConfig config, int firstBlock, int blocks)
    {
        EditSpace window = new(config, firstBlock, blocks);
        return new EditSpace(firstBlock - 1, blocks, window.Hidden, window.Width, window.IsGated);
    }

    /// <summary>The space with these numbers, as a patch states them, or null if no model could have it.</summary>
    internal static EditSpace? FromShape(int firstBlock, int blocks, int hidden, int width, bool gated) =>
        firstBlock is >= 0 and < 1024
        && blocks is > 0 and <= 64
        && hidden is > 0 and <= 1 << 20
        && width is > 0 and <= 1 << 20
            ? new EditSpace(firstBlock, blocks, hidden, width, gated)
            : null;

    /// <summary>The matrices in the order above.</summary>
    public IEnumerable<EditMatrix> InOrder => Enumerable.Range(0, Matrices).Select(Matrix);

    /// <summary>A matrix by its place in the order above.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public EditMatrix Matrix(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Matrices);
        return new EditMatrix(this, index);
    }

    /// <summary>One of a block's matrices.</summary>
    /// <param name="block">The block in the model, zero-based.</param>
    /// <param name="kind">Which of the two.</param>
    /// <exception cref="ArgumentOutOfRangeException">The block is not one of the space.</exception>
    public EditMatrix Matrix(int block, FfnMatrix kind) => Matrix(PlaceOf(block - FirstBlock, kind));

    /// <summary>The place of one of a block's matrices in the order above.</summary>
    /// <param name="placeOfBlock">The block among those of the space, zero-based.</param>
    /// <param name="kind">Which of its matrices.</param>
    internal int PlaceOf(int placeOfBlock, FfnMatrix kind) => MatricesOfBlock * placeOfBlock + (int)kind;

    /// <summary>The canonical name of a matrix of the order above, such as <c>blocks.7.mlp.fc1.weight</c>.</summary>
    public string MatrixName(int index) => Matrix(index).Name;
}
