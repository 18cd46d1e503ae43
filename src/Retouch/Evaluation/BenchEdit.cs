namespace Retouch.Evaluation;

/// <summary>One edit of a plan.</summary>
/// <param name="Index">Its place in the plan.</param>
/// <param name="Setting">The place of its setting.</param>
/// <param name="Group">The place of its group.</param>
/// <param name="Image">The place of the edit sample in the group.</param>
public readonly record struct BenchEdit(int Index, int Setting, int Group, int Image);
