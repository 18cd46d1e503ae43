namespace Retouch.UseCases;

/// <summary>A slice to be mended.</summary>
/// <param name="Number">Its number, from 1 on.</param>
/// <param name="List">The file of its images.</param>
/// <param name="Column">The list's column of what its images are to become.</param>
public readonly record struct SliceRepair(int Number, string List, string Column);
