namespace Retouch.Suffix;

/// <summary>Where a pass through a <see cref="AutogradSuffix"/> can be watched or changed, block by block.</summary>
enum SuffixPoint
{
    /// <summary>What fc1 reads: the normed tokens, <c>[N,M,D]</c>.</summary>
    FfnInput,

    /// <summary>What fc1 gives, <c>[N,M,H]</c>.</summary>
    PreActivation,

    /// <summary>What the gates of a gated FFN give, <c>[N,M,H]</c>.</summary>
    Gate,

    /// <summary>What fc2 reads, an FFN's *key*: the activated hidden units, <c>[N,M,H]</c>.</summary>
    Activation,

    /// <summary>What fc2 gives, an FFN's *value*, <c>[N,M,D]</c>.</summary>
    FfnOutput,
}
