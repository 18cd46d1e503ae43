namespace Retouch.Vit;

/// <summary>
/// Rotary positions of patches (Su et al., "RoFormer", 2021; in two dimensions Fang et al., "EVA-02", 2023, and
/// Siméoni et al., "DINOv3", 2025): queries and keys are turned by angles that grow with row and column. Immutable.
/// </summary>
public sealed record VitRope
{
    /// <summary>No rotation: what says that an architecture has none.</summary>
    public static VitRope None { get; } = new() { Kind = VitRopeKind.None };

    /// <summary>EVA-02's, as pretrained on a grid of 16 by 16.</summary>
    public static VitRope Eva { get; } = new() { ReferenceGrid = 16 };

    /// <summary>DINOv3's.</summary>
    public static VitRope Dinov3 { get; } =
        new()
        {
            Kind = VitRopeKind.Centered,
            Temperature = 100,
            Halves = true,
        };

    /// <summary>How angles come from positions.</summary>
    public VitRopeKind Kind { get; init; } = VitRopeKind.Grid;

    /// <summary>The base of the geometric series of the angles' periods; above 1.</summary>
    public double Temperature { get; init; } = 10000;

    /// <summary>What is added to rows and columns.</summary>
    public double GridOffset { get; init; }

    /// <summary>Whether the column's angles stand before the row's; never where coordinates are centered.</summary>
    public bool ColumnsFirst { get; init; }

    /// <summary>The grid to whose size positions are scaled; null for the model's own.</summary>
    public int? ReferenceGrid { get; init; }

    /// <summary>Whether a head's second half is turned with the first, not odd channels with even ones.</summary>
    public bool Halves { get; init; }
}
