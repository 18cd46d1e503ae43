namespace Retouch.Vit;

/// <summary>What a model's classifier reads of the tokens.</summary>
public enum VitPooling
{
    /// <summary>The [CLS] token.</summary>
    ClassToken,

    /// <summary>The mean of the patches' tokens.</summary>
    Average,

    /// <summary>The mean of all tokens, those in front of the patches included.</summary>
    AverageOfAll,

    /// <summary>The greatest value of each channel over the patches.</summary>
    Maximum,

    /// <summary>The mean of average and maximum over the patches.</summary>
    AverageAndMaximum,

    /// <summary>[CLS], and beside it the mean of all tokens after it but the registers.</summary>
    ClassAndAverage,

    /// <summary>[CLS], and beside it the mean of all tokens after it, registers included.</summary>
    ClassAndAverageOfOthers,

    /// <summary>What a learned query finds among the patches by attention, after a feed-forward network.</summary>
    Attention,

    /// <summary>The same among all tokens, those in front of the patches included.</summary>
    AttentionOverAll,

    /// <summary>[CLS] and the token after it, each by a classifier of its own; the logits are averaged.</summary>
    TwoHeads,
}
