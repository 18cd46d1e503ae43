using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Gates and values of gated feed-forward networks: two tensors to the model, and to a file, whether it keeps them
/// apart or not, one under the name of fc1, gates first.
/// </summary>
static class GatedFfns
{
    static readonly string[] Kinds = ["weight", "bias"];

    /// <summary>The name under which a file's tensor is known that holds this one.</summary>
    public static string Stored(string canonical) =>
        canonical.Replace(".mlp.gate.", ".mlp.fc1.", StringComparison.Ordinal);

    /// <summary>timm's name for a tensor of a gated network, where gates and values are apart.</summary>
    public static string Apart(string canonical) =>
        canonical
            .Replace(".mlp.fc1.", ".mlp.fc1_x.", StringComparison.Ordinal)
            .Replace(".mlp.gate.", ".mlp.fc1_g.", StringComparison.Ordinal);

    /// <summary>Whether a tensor of a model is the gates' or the values'.</summary>
    public static bool IsHalf(string canonical, VitModel model) =>
        model.Config.Block.GatedFfn && Stored(canonical).Contains(".mlp.fc1.", StringComparison.Ordinal);

    /// <summary>A model's shapes of those of a file: where fc1 gives twice what fc2 reads, halves.</summary>
    public static void Split(Dictionary<string, long[]> shapes)
    {
        if (shapes.Keys.FirstOrDefault(n => n.Contains(".mlp.gate.", StringComparison.Ordinal)) is string own)
            throw BadInput.Unsupported(
                null,
                $"The tensor {own} does not belong to a ViT as Retouch knows it; this architecture is not supported."
            );
        int[] blocks = [.. shapes.Keys.Select(VitNames.BlockOf).OfType<int>().Distinct()];
        if (!blocks.Any(b => Rows(b) is long two and > 0 && Columns(b) == two / 2 && two % 2 == 0))
            return;
        foreach (int block in blocks)
        {
            foreach (string kind in Kinds)
            {
                if (shapes.TryGetValue(Name(block, "fc1", kind), out long[]? whole) && whole is [> 0 and var two, ..])
                    shapes[Name(block, "gate", kind)] = shapes[Name(block, "fc1", kind)] = [two / 2, .. whole[1..]];
            }
        }

        long? Rows(int block) =>
            shapes.TryGetValue(Name(block, "fc1", "weight"), out long[]? shape) && shape.Length == 2 ? shape[0] : null;

        long? Columns(int block) =>
            shapes.TryGetValue(Name(block, "fc2", "weight"), out long[]? shape) && shape.Length == 2 ? shape[1] : null;
    }

    /// <summary>The same of the tensors themselves; those that were split are disposed.</summary>
    /// <param name="tensors">A file's, changed into the model's.</param>
    /// <param name="shapes">The model's.</param>
    public static void Split(Dictionary<string, Tensor> tensors, IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (string gate in shapes.Keys.Where(n => n.Contains(".mlp.gate.", StringComparison.Ordinal)))
        {
            using Tensor whole = tensors[Stored(gate)];
            if (whole.shape[0] % 2 != 0)
                throw BadInput.Mismatch(null, $"{Stored(gate)} has {whole.shape[0]} rows, which are no two halves.");
            Tensor[] halves = whole.chunk(2);
            (tensors[gate], tensors[Stored(gate)]) = (halves[0].clone(), halves[1].clone());
            foreach (Tensor half in halves)
                half.Dispose();
        }
    }

    /// <summary>A model's tensors, or some in their place, as a file has them; in the caller's scope.</summary>
    /// <param name="some">By the model's names.</param>
    /// <param name="model">Has the other half.</param>
    public static IReadOnlyDictionary<string, Tensor> Packed(IReadOnlyDictionary<string, Tensor> some, VitModel model)
    {
        if (!model.Config.Block.GatedFfn)
            return some;
        Dictionary<string, Tensor> packed = [];
        foreach ((string name, Tensor tensor) in some)
        {
            string stored = Stored(name);
            string gate = name == stored ? name.Replace(".mlp.fc1.", ".mlp.gate.", StringComparison.Ordinal) : name;
            if (gate == stored)
                packed[name] = tensor;
            else if (!packed.ContainsKey(stored))
                packed[stored] = cat([Of(gate), Of(stored)], 0);
        }
        return packed;

        Tensor Of(string name) => some.TryGetValue(name, out Tensor? other) ? other : model.Tensors[name];
    }

    static string Name(int block, string part, string kind) => VitNames.Block(block, $"mlp.{part}.{kind}");
}
