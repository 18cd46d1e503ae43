namespace Retouch.Vit;

/// <summary>How the angles of rotary positions come from rows and columns.</summary>
public enum VitRopeKind
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>Row and column, times frequencies (EVA-02).</summary>
    Grid,

    /// <summary>Centres of patches, scaled to between -1 and 1, over periods (DINOv3).</summary>
    Centered,
}
