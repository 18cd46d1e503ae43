namespace Retouch.Vit;

/// <summary>The non-linearity of a feed-forward network.</summary>
public enum VitActivation
{
    /// <summary>x·Φ(x), with the exact normal distribution.</summary>
    Gelu,

    /// <summary>x·σ(1.702·x), which OpenAI's CLIP was trained with.</summary>
    QuickGelu,

    /// <summary>GELU by its approximation with tanh (Hendrycks and Gimpel, 2016).</summary>
    GeluTanh,

    /// <summary>x·σ(x), which gates of gated networks go through; of no other network.</summary>
    Silu,
}
