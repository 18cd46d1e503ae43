using Retouch.Vit;
using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>The sizes of the batches that an engine takes, and how much of one a task does.</summary>
sealed class BatchShape
{
    /// <summary>
    /// Elements after each row that products read: without them the rows' first elements would fall on few of the
    /// cache's places.
    /// </summary>
    public const int Spare = 32;

    /// <summary>Hidden units whose activations one task holds at a time, whole panels.</summary>
    public const int MostUnits = 6 * MostPanelColumns;

    // Rows of tokens that one task takes, a multiple of 16: what the caches hold of a narrow model's, and of a wide
    // one's as many as make up for reading its weights. Fewer where there are not enough tasks.
    const int FewRows = 112;
    const int ManyRows = 208;
    const int Wide = 320;

    readonly int _last;

    /// <summary>The sizes of a batch of a model.</summary>
    /// <param name="config">The model's.</param>
    /// <param name="images">B·S; of a batch at most.</param>
    /// <param name="edits">B.</param>
    /// <param name="firstBlock">The block whose FFN is the first of the edit space.</param>
    /// <param name="allTokens">
    /// Whether all tokens are wanted after the model's last attention, even where the classifier reads [CLS] alone.
    /// </param>
    public BatchShape(VitConfig config, int images, int edits, int firstBlock, bool allTokens)
    {
        MostImages = images;
        Images = images;
        Edits = edits;
        FirstBlock = firstBlock;
        _last = config.Depth - 1;
        Tokens = config.Tokens;
        PaddedTokens = Up(config.Tokens);
        Width = config.Width;
        Stride = config.Width + Spare;
        Hidden = config.MlpWidth;
        Heads = config.Heads;
        HeadWidth = config.HeadWidth;
        Epsilon = (float)config.NormEpsilon;
        RowsOfTask = config.Width < Wide ? FewRows : ManyRows;
        ClassAlone = config.ReadsClassAlone && !allTokens;
    }

    /// <summary>N at most.</summary>
    public int MostImages { get; }

    /// <summary>N, of the batch at hand.</summary>
    public int Images { get; set; }

    /// <summary>B.</summary>
    public int Edits { get; }

    /// <summary>The block whose FFN is the first of the edit space.</summary>
    public int FirstBlock { get; }

    /// <summary>T, of an image.</summary>
    public int Tokens { get; }

    /// <summary>Tp: T up to a multiple of 16.</summary>
    public int PaddedTokens { get; }

    /// <summary>D.</summary>
    public int Width { get; }

    /// <summary>D + spare: from one row that products read to the next.</summary>
    public int Stride { get; }

    /// <summary>H.</summary>
    public int Hidden { get; }

    /// <summary>Attention heads.</summary>
    public int Heads { get; }

    /// <summary>D/heads.</summary>
    public int HeadWidth { get; }

    /// <summary>Of the norms.</summary>
    public float Epsilon { get; }

    /// <summary>Rows of tokens that one task takes at most.</summary>
    public int RowsOfTask { get; }

    /// <summary>Whether after the model's last attention [CLS] alone is computed.</summary>
    public bool ClassAlone { get; }

    /// <summary>Whether a model is so wide that it takes many rows to make up for reading its weights.</summary>
    public bool IsWide => Width >= Wide;

    /// <summary>R of the batch at hand.</summary>
    public int Rows => Images * Tokens;

    /// <summary>R at most.</summary>
    public long MostRows => (long)MostImages * Tokens;

    /// <summary>Elements of queries, keys or values: <c>[N,heads,Tp,D/heads]</c>.</summary>
    public long OfHeads => (long)MostImages * Heads * PaddedTokens * HeadWidth;

    /// <summary>Heads of all images whose [CLS] asks alone: <c>[N,heads]</c>.</summary>
    public long OfClassHeads => ClassAlone ? (long)MostImages * Heads : 0;

    /// <summary>Hidden units of the model's that a task takes at a time.</summary>
    public int UnitsAtATime => MostUnits / PanelColumns(Hidden) * PanelColumns(Hidden);

    /// <summary>Whether in a block's attention [CLS] alone asks.</summary>
    public bool AsksAlone(int block) => ClassAlone && block == _last;

    /// <summary>M: tokens of an image after a block's attention.</summary>
    public int TokensAfter(int block) => AsksAlone(block) ? 1 : Tokens;

    /// <summary>Rows of an edit, S·M of M tokens an image.</summary>
    public int PerEdit(int tokens) => Images / Edits * tokens;

    /// <summary>The number of the first of some rows among those of all edits.</summary>
    public long First(RowRange rows, int tokens) => (long)rows.Edit * PerEdit(tokens) + rows.Start;

    /// <summary>Where one head of one image begins in <c>[N,heads,Tp,D/heads]</c>.</summary>
    /// <param name="task">Its number among <c>[N,heads]</c>.</param>
    public long HeadStart(int task) => (long)task * PaddedTokens * HeadWidth;
}
