namespace Retouch.Formats;

/// <summary>timm's classes that build the families.</summary>
enum TimmClass
{
    /// <summary>Plain ViTs and what its arguments add to them.</summary>
    VisionTransformer,

    /// <summary>EVA, EVA-02 and DINOv3.</summary>
    Eva,

    /// <summary>Relative positions.</summary>
    Beit,

    /// <summary>Stages and windows.</summary>
    Swin,
}
