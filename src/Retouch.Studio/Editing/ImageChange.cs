using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>An image that an edit gives another class. Immutable.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Before">What the unedited model says.</param>
/// <param name="After">What the edited model says.</param>
public readonly record struct ImageChange(int Id, LiveAnswer Before, LiveAnswer After);
