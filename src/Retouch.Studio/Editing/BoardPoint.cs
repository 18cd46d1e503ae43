using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>One place of the slider: the edit there, and what it does. Owns the edit.</summary>
/// <param name="Edit">The edit.</param>
/// <param name="Effect">What it does to all images that are known.</param>
/// <param name="Milliseconds">How long the edit took, without what it does to others.</param>
/// <param name="AllMilliseconds">The same with what it does to others.</param>
public sealed record BoardPoint(LiveEdit Edit, Effect Effect, double Milliseconds, double AllMilliseconds) : IDisposable
{
    /// <summary>Frees the edit.</summary>
    public void Dispose() => Edit.Dispose();
}
