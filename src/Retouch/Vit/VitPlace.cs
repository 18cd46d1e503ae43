namespace Retouch.Vit;

/// <summary>What a block is by its place in an architecture: the same for all blocks of a ViT.</summary>
/// <param name="Width">Width of a token.</param>
/// <param name="Heads">Number of attention heads.</param>
/// <param name="MlpWidth">Number of hidden units of its feed-forward network.</param>
/// <param name="Grid">
/// Tokens along one side of an image of the model's own size, those in front of the patches left out.
/// </param>
/// <param name="Window">Side of the windows that it attends within; 0 where it attends to all tokens.</param>
/// <param name="Shifts">Whether its windows are shifted by half of one, where there are several.</param>
/// <param name="Merges">Whether four neighbouring tokens become one before it.</param>
readonly record struct VitPlace(
    int Width,
    int Heads,
    int MlpWidth,
    int Grid,
    int Window = 0,
    bool Shifts = false,
    bool Merges = false
);
