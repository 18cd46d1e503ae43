using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// One canonical tensor as the tensors of a file: whole, or in parts of its rows. A part that a file has not is zeros:
/// the keys' bias in BEiT and EVA.
/// </summary>
static class TensorParts
{
    /// <summary>The canonical shape of parts with these shapes; null where they do not belong together.</summary>
    public static long[]? Shape(NamedTensor[] names, long[][] shapes)
    {
        if (names is [{ Part: null }])
            return shapes[0];
        long[] first = shapes[0];
        if (first.Length == 0 || first[0] % names[0].Span != 0)
            return null;
        long unit = first[0] / names[0].Span;
        return names
            .Zip(shapes)
            .All(p =>
                p.Second.Length == first.Length
                && p.Second[0] == unit * p.First.Span
                && p.Second.AsSpan(1).SequenceEqual(first.AsSpan(1))
            )
            ? [unit * names[0].Of, .. first[1..]]
            : null;
    }

    /// <summary>The canonical tensor of its parts; in the caller's dispose scope.</summary>
    public static Tensor Joined(NamedTensor[] names, IReadOnlyList<Tensor> parts)
    {
        if (names is [{ Part: null }])
            return parts[0];
        long unit = parts[0].shape[0] / names[0].Span;
        List<Tensor> all = [];
        for (int part = 0; part < names[0].Of; part++)
        {
            int there = Array.FindIndex(names, n => n.Part == part);
            if (there >= 0)
                all.Add(parts[there]);
            else if (!names.Any(n => n.Part < part && part < n.Part + n.Span))
                all.Add(zeros([unit, .. parts[0].shape[1..]], parts[0].dtype, parts[0].device));
        }
        return cat([.. all], 0);
    }

    /// <summary>The parts of a canonical tensor by name, as the file lays them out; in the caller's scope.</summary>
    /// <exception cref="BadInputException">A part that the file has not is no longer zeros.</exception>
    public static IEnumerable<(string Name, Tensor Tensor)> Apart(NamedTensor[] names, Tensor tensor)
    {
        if (names is [{ Part: null } whole])
            return [(whole.InFile, whole.Layout.ToStored(tensor))];
        long unit = tensor.shape[0] / names[0].Of;
        for (int part = 0; part < names[0].Of; part++)
        {
            if (
                !names.Any(n => n.Part <= part && part < n.Part + n.Span)
                && tensor.narrow(0, part * unit, unit).count_nonzero().item<long>() > 0
            )
                throw BadInput.Unsupported(
                    names[0].InFile,
                    $"Beside {string.Join(" and ", names.Select(n => n.InFile))} the file has no tensor for part "
                        + $"{part + 1} of {names[0].Of}, which was edited."
                );
        }
        return names.Select(n => (n.InFile, n.Layout.ToStored(tensor.narrow(0, n.Part!.Value * unit, n.Span * unit))));
    }
}
