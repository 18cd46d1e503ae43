using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The rotary positions that arguments of timm's Eva state, over those of its architecture's name.</summary>
static class TimmRope
{
    const string Type = "rope_type";
    const string Indexing = "rope_grid_indexing";

    // Each argument beside the type, and what it is of rotary positions, for telling which differ.
    static readonly (string Setting, Func<VitRope, object?> Of)[] Settings =
    [
        ("rope_temperature", r => r.Temperature),
        ("rope_grid_offset", r => r.GridOffset),
        (Indexing, r => r.ColumnsFirst),
        ("ref_feat_shape", r => r.ReferenceGrid),
        ("rope_rotate_half", r => r.Halves),
    ];

    /// <summary>What is stated; null where nothing is known.</summary>
    /// <param name="stated">The place that states an argument; null for none.</param>
    /// <param name="known">What the name says; null of an unknown one.</param>
    /// <param name="complete">Whether the arguments say all of the model, which has none unless they do.</param>
    /// <exception cref="BadInputException">They are of a kind that Retouch does not compute.</exception>
    public static VitRope? Read(Func<string, ConfigObject?> stated, TimmArchitecture? known, bool complete)
    {
        bool? used = stated("use_rot_pos_emb")?.Flag("use_rot_pos_emb");
        if (used is null && known is null)
            return complete ? VitRope.None : null;
        if (used == false || (used is null && known!.Rope.Kind == VitRopeKind.None))
            return VitRope.None;
        // Whoever states the type, which the name implies, states the class's arguments, not differences from the name.
        VitRope rope = known?.Rope is { Kind: not VitRopeKind.None } named && stated(Type) is null ? named : new();
        return rope with
        {
            Kind = stated(Type)?.Text(Type) switch
            {
                null => rope.Kind,
                "cat" => VitRopeKind.Grid,
                "dinov3" => VitRopeKind.Centered,
                string type => throw Bad(Type, type, "cat (EVA's) and dinov3"),
            },
            Temperature = stated("rope_temperature")?.Number("rope_temperature") ?? rope.Temperature,
            GridOffset = stated("rope_grid_offset")?.Number("rope_grid_offset") ?? rope.GridOffset,
            ColumnsFirst = stated(Indexing)?.Text(Indexing) switch
            {
                null => rope.ColumnsFirst,
                "ij" => false,
                "xy" => true,
                string indexing => throw Bad(Indexing, indexing, "ij and xy"),
            },
            ReferenceGrid = stated("ref_feat_shape") is ConfigObject place
                ? place.Side("ref_feat_shape")
                : rope.ReferenceGrid,
            Halves = stated("rope_rotate_half")?.Flag("rope_rotate_half") ?? rope.Halves,
        };

        BadInputException Bad(string setting, string value, string known) =>
            stated(setting)!.Value.Bad($"its {setting} is {UserText.Quote(value)}; Retouch knows {known}");
    }

    /// <summary>
    /// What to say where arguments were taken for those of timm's class, because they state the type, and the name has
    /// other rotary positions; null where nothing is to be said.
    /// </summary>
    /// <param name="stated">As for <see cref="Read"/>.</param>
    /// <param name="name">The architecture's name.</param>
    /// <param name="known">What it says; null of an unknown one.</param>
    /// <param name="rope">What was read.</param>
    public static string? Note(Func<string, ConfigObject?> stated, string name, TimmArchitecture? known, VitRope? rope)
    {
        if (known is not { Rope: { Kind: not VitRopeKind.None } named } || rope is null or { Kind: VitRopeKind.None })
            return null;
        string[] differing = [.. Settings.Where(s => !Equals(s.Of(rope), s.Of(named))).Select(s => s.Setting)];
        string[] leftOut = [.. differing.Where(s => stated(s) is null)];
        return stated(Type) is not ConfigObject place || leftOut.Length == 0
            ? null
            : $"{place.Path} states {Type} beside the name {UserText.Quote(name)}: its arguments are taken for all of "
                + $"timm's class Eva, so that {string.Join(", ", leftOut)}, which it leaves out, "
                + $"{(leftOut.Length == 1 ? "is" : "are")} as the class has it ({ModelRopes.NameOf(rope)}), not as the "
                + $"name's own function has it ({ModelRopes.NameOf(named)}); a model that this function made has to "
                + "state it, too";
    }
}
