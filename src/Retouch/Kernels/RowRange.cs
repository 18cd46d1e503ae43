namespace Retouch.Kernels;

/// <summary>Some rows of tokens, one task's.</summary>
/// <param name="Edit">Whose they are, or 0 where all are as one's.</param>
/// <param name="Start">The first within the edit.</param>
/// <param name="Count">How many.</param>
readonly record struct RowRange(int Edit, int Start, int Count);
