using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The rotary positions that arguments of timm's Eva state, over those of its architecture's name.</summary>
static class TimmRope
{
    /// <summary>What is stated; null where nothing is known.</summary>
    /// <param name="places">Where the config states arguments.</param>
    /// <param name="known">What the name says; null of an unknown one.</param>
    /// <param name="complete">Whether the arguments say all of the model, which has none unless they do.</param>
    /// <exception cref="BadInputException">They are of a kind that Retouch does not compute.</exception>
    public static VitRope? Read(ConfigObject[] places, TimmArchitecture? known, bool complete)
    {
        bool? used = places.Select(p => p.Flag("use_rot_pos_emb")).FirstOrDefault(f => f is not null);
        if (used is null && known is null)
            return complete ? VitRope.None : null;
        if (used == false || (used is null && known!.Rope.Kind == VitRopeKind.None))
            return VitRope.None;
        // Whoever states the type, which the name implies, states the class's arguments, not differences from the name.
        VitRope rope = known?.Rope is { Kind: not VitRopeKind.None } named && !StatesType(places) ? named : new();
        foreach (ConfigObject place in places)
            rope = Over(rope, place);
        return rope;
    }

    /// <summary>Whether arguments are taken for those of timm's class rather than differences from a name.</summary>
    public static bool StatesType(ConfigObject[] places) => places.Any(p => p.Has("rope_type"));

    static VitRope Over(VitRope rope, ConfigObject place) =>
        rope with
        {
            Kind = place.Text("rope_type") switch
            {
                null => rope.Kind,
                "cat" => VitRopeKind.Grid,
                "dinov3" => VitRopeKind.Centered,
                string type => throw place.Bad(
                    $"its rope_type is {UserText.Quote(type)}; Retouch knows cat (EVA's) and dinov3"
                ),
            },
            Temperature = place.Number("rope_temperature") ?? rope.Temperature,
            GridOffset = place.Number("rope_grid_offset") ?? rope.GridOffset,
            ColumnsFirst = place.Text("rope_grid_indexing") is string indexing ? indexing == "xy" : rope.ColumnsFirst,
            ReferenceGrid = place.Has("ref_feat_shape") ? place.Side("ref_feat_shape") : rope.ReferenceGrid,
            Halves = place.Flag("rope_rotate_half") ?? rope.Halves,
        };
}
