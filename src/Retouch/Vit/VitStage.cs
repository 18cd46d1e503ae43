namespace Retouch.Vit;

/// <summary>
/// A stage of a transformer of several (Liu et al., "Swin Transformer", ICCV 2021): blocks of one width, which attend
/// within windows. Before all stages but the first, four neighbouring tokens are merged into one. Immutable.
/// </summary>
/// <param name="Depth">Number of blocks.</param>
/// <param name="Width">Width of a token.</param>
/// <param name="Heads">Number of attention heads.</param>
/// <param name="MlpWidth">Number of hidden units of a feed-forward network.</param>
/// <param name="Window">Side of a window in tokens, which divides the stage's grid.</param>
public sealed record VitStage(int Depth, int Width, int Heads, int MlpWidth, int Window);
