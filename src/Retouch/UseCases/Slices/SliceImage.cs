using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>An image of a slice. Immutable.</summary>
/// <param name="Path">How it was listed, within what was given.</param>
/// <param name="File">Its file, which may lie in an archive.</param>
/// <param name="Source">Where it comes from: what was given, and the folder in it.</param>
/// <param name="Said">What the model says.</param>
/// <param name="Stronger">What the stronger model says; null where there is none.</param>
public sealed record SliceImage(string Path, string File, string Source, ModelAnswer Said, ModelAnswer? Stronger)
{
    /// <summary>
    /// How probable it is that the model is wrong, in [0,1]: what it does not give its answer; of an image on which a
    /// stronger model disagrees, what that gives its own.
    /// </summary>
    public double Mistake => Stronger is { } better ? better.Probability : 1 - Said.Probability;
}
