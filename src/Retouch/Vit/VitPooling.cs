namespace Retouch.Vit;

/// <summary>What a model's classifier reads of the tokens.</summary>
public enum VitPooling
{
    /// <summary>The [CLS] token.</summary>
    ClassToken,

    /// <summary>The mean of the patches' tokens.</summary>
    Average,
}
