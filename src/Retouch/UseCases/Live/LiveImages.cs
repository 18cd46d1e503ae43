using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Images as a <see cref="LiveModel"/> keeps them: what the last FFN gets of each, and what the unedited model says.
/// Immutable; owns its tensor.
/// </summary>
public sealed class LiveImages : IDisposable
{
    internal LiveImages(Tensor tokens, IReadOnlyList<LiveAnswer> answers) => (Tokens, Answers) = (tokens, answers);

    /// <summary>What the last FFN gets of [CLS], <c>[N,D]</c>.</summary>
    public Tensor Tokens { get; }

    /// <summary>What the unedited model says of each.</summary>
    public IReadOnlyList<LiveAnswer> Answers { get; }

    /// <summary>The number of images.</summary>
    public int Count => Answers.Count;

    /// <summary>Those of a file that holds what was read before; the caller disposes them.</summary>
    /// <param name="tokens">Their tokens, row by row.</param>
    /// <param name="width">The width of a token.</param>
    /// <param name="answers">What the unedited model says of each.</param>
    /// <exception cref="ArgumentException">There are not as many tokens as answers.</exception>
    public static LiveImages Of(float[] tokens, int width, IReadOnlyList<LiveAnswer> answers)
    {
        if (tokens.Length != (long)width * answers.Count)
            throw new ArgumentException("There are not as many tokens as answers.", nameof(tokens));
        return new LiveImages(
            answers.Count == 0
                ? zeros([0, width]).DetachFromDisposeScope()
                : tensor(tokens).view(answers.Count, width).DetachFromDisposeScope(),
            answers
        );
    }

    /// <summary>Frees the tokens.</summary>
    public void Dispose() => Tokens.Dispose();
}
