using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Vit;

/// <summary>
/// What a model's forward reads of positions that is no weight: the sines and cosines of rotary positions, which bias
/// belongs to which pair of tokens, and which pairs a shifted window keeps apart. Each is made at its first use; the
/// model owns them. Safe to use from several threads.
/// </summary>
sealed class PositionTables : IDisposable
{
    // As its authors have it, added to the scores of pairs that are no neighbours.
    const float Apart = -100;

    readonly VitConfig _config;
    readonly Device _device;
    readonly ConcurrentDictionary<(string Kind, int Side, int Window, int Shift), Lazy<Tensor>> _tables = new();

    PositionTables(VitModel model) => (_config, _device) = (model.Config, model.Tensors[VitNames.PatchWeight].device);

    /// <summary>A model's tables.</summary>
    public static PositionTables Of(VitModel model) => model.Derived(m => new PositionTables(m));

    /// <summary>
    /// What is added to a block's scores of attention, <c>[1,heads,T,T]</c>, or of shifted windows
    /// <c>[B·windows,heads,T,T]</c>; null for nothing.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="block">The block.</param>
    /// <param name="grid">Tokens along one side of the image, of windows; else of no matter.</param>
    /// <param name="batch">Images, or images times windows.</param>
    public static Tensor? Bias(VitModel model, BlockWeights block, int grid, long batch)
    {
        if (block.RelativeTable is null && block.SharedTable is null)
            return null;
        PositionTables tables = Of(model);
        VitPlace place = block.Place;
        bool windowed = place.Window > 0;
        int side = windowed ? place.Window : place.Grid;
        Tensor pairs = tables.Table("pairs", side, windowed ? 1 : 0, 0, () => Pairs(side, windowed)); // [T,T]
        long tokens = pairs.shape[0];
        Tensor table =
            block.RelativeTable is null ? block.SharedTable!
            : block.SharedTable is null ? block.RelativeTable
            : block.RelativeTable.Plus(block.SharedTable);
        Tensor bias = table
            .index_select(0, pairs.flatten())
            .view(tokens, tokens, -1)
            .permute(2, 0, 1)
            .unsqueeze(0)
            .contiguous();
        int shift = windowed ? Windows.Shift(place, grid) : 0;
        if (shift == 0)
            return bias;
        Tensor apart = tables.Table("apart", grid, place.Window, shift, () => KeptApart(grid, place.Window, shift));
        return bias.Plus(apart).repeat(batch / apart.shape[0], 1, 1, 1);
    }

    /// <summary>Queries or keys of patches, turned: <c>[B,heads,P,D/heads]</c>.</summary>
    public Tensor Turned(Tensor x)
    {
        VitRope rope = _config.Block.Rope!;
        int grid = Windows.Grid(x.shape[2]);
        Tensor angles = Table("angles", grid, 0, 0, () => Angles(rope, grid, _config.HeadWidth)); // [2,P,D/heads]
        Tensor across;
        if (rope.Halves)
        {
            long half = x.shape[3] / 2;
            across = cat([-x.narrow(3, half, half), x.narrow(3, 0, half)], 3);
        }
        else
        {
            Tensor two = x.unflatten(3, [-1, 2]);
            across = stack([-two.select(4, 1), two.select(4, 0)], 4).flatten(3);
        }
        return (x * angles.select(0, 0)).Plus(across * angles.select(0, 1));
    }

    Tensor Table(string kind, int side, int window, int shift, Func<Tensor> make) =>
        _tables
            .GetOrAdd(
                (kind, side, window, shift),
                _ => new Lazy<Tensor>(() =>
                {
                    using DisposeScope scope = NewDisposeScope();
                    return make().to(_device).DetachFromDisposeScope();
                })
            )
            .Value;

    /// <summary>Frees the tables.</summary>
    public void Dispose()
    {
        foreach (Lazy<Tensor> table in _tables.Values.Where(t => t.IsValueCreated))
            table.Value.Dispose();
    }

    // Cosines and sines of the angles by which each channel of a head is turned at each patch, [2,P,D/heads].
    internal static Tensor Angles(VitRope rope, int grid, int head)
    {
        int periods = head / 4;
        float[] angles = new float[(long)grid * grid * head];
        for (int patch = 0; patch < grid * grid; patch++)
        {
            (double row, double column) = (At(patch / grid), At(patch % grid));
            for (int axis = 0; axis < 2; axis++)
            {
                double place = (axis == 0) == rope.ColumnsFirst ? column : row;
                for (int k = 0; k < periods; k++)
                {
                    float angle = (float)(place / Math.Pow(rope.Temperature, (double)k / periods));
                    int pair = axis * periods + k;
                    // DINOv3's angles lie twice in a row, EVA's each twice, whichever channels are turned together.
                    bool tiled = rope.Kind == VitRopeKind.Centered;
                    angles[(long)patch * head + (tiled ? pair : 2 * pair)] = angle;
                    angles[(long)patch * head + (tiled ? pair + head / 2 : 2 * pair + 1)] = angle;
                }
            }
        }
        Tensor all = tensor(angles, [(long)grid * grid, head], ScalarType.Float32);
        return stack([all.cos(), all.sin()]);

        double At(int index) =>
            rope.Kind == VitRopeKind.Centered
                ? 2 * Math.PI * (2 * (index + 0.5 + rope.GridOffset) / grid - 1)
                : (index + rope.GridOffset) * (rope.ReferenceGrid is int reference ? (double)reference / grid : 1);
    }

    // The place of each pair of tokens in the table; those of [CLS] come last in it.
    internal static Tensor Pairs(int side, bool windowed)
    {
        int first = windowed ? 0 : 1;
        int tokens = side * side + first;
        long across = 2 * side - 1;
        long count = across * across;
        long[] pairs = new long[(long)tokens * tokens];
        for (int query = 0; query < tokens; query++)
        {
            for (int key = 0; key < tokens; key++)
            {
                (int q, int k) = (query - first, key - first);
                pairs[(long)query * tokens + key] = (q < 0, k < 0) switch
                {
                    (true, true) => count + 2,
                    (true, false) => count,
                    (false, true) => count + 1,
                    _ => (q / side - k / side + side - 1) * across + q % side - k % side + side - 1,
                };
            }
        }
        return tensor(pairs, [tokens, tokens], ScalarType.Int64);
    }

    // A shifted window that reaches over the edge has tokens of both sides of the image.
    internal static Tensor KeptApart(int grid, int window, int shift)
    {
        int across = grid / window;
        int tokens = window * window;
        float[] apart = new float[(long)across * across * tokens * tokens];
        for (int w = 0; w < across * across; w++)
        {
            for (int query = 0; query < tokens; query++)
            {
                for (int key = 0; key < tokens; key++)
                {
                    if (Region(w, query) != Region(w, key))
                        apart[((long)w * tokens + query) * tokens + key] = Apart;
                }
            }
        }
        return tensor(apart, [(long)across * across, 1, tokens, tokens], ScalarType.Float32);

        int Region(int w, int token) =>
            3 * Part(w / across * window + token / window) + Part(w % across * window + token % window);

        int Part(int line) =>
            line < grid - window ? 0
            : line < grid - shift ? 1
            : 2;
    }
}
